"""Offline Rekognition as a process of its own, called with boto3; the offline AWS is a stand-in."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from kit import samples
from kit.processes import free_port

SCRIPTS = Path(samples.__file__).resolve().parents[1]
UNREADABLE = (
    "Unable to get object metadata from S3. Check object key, region and/or access permissions."
)


class StandInAws(ThreadingHTTPServer):
    """Answers who may what, and GET of objects. Tests change its attributes."""

    request_queue_size = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StandInHandler)
        self.objects: dict[str, bytes] = {}
        self.denied: set[str] = set()
        self.asked: list[dict[str, str]] = []
        self.verdict_status = 200
        self.delay = 0.0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class StandInHandler(BaseHTTPRequestHandler):
    server: StandInAws

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/_workshop/authorize":
            data = self.server.objects.get(unquote(url.path).lstrip("/"))
            self.reply(
                404 if data is None else 200, data or b"<Error><Code>NoSuchKey</Code></Error>"
            )
            return
        question = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.asked.append(question)
        time.sleep(self.server.delay)
        verdict: dict[str, Any] = {"allowed": True}
        if question["action"] in self.server.denied:
            text = f"User: me is not authorized to perform: {question['action']}"
            verdict = {"allowed": False, "message": text}
        self.reply(self.server.verdict_status, json.dumps(verdict).encode())

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server:
    """The endpoint as a subprocess, ready to answer."""

    def __init__(
        self, aws: str = "", processes: int = 2, output: int | IO[bytes] = subprocess.PIPE
    ) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        environment = {name: value for name, value in os.environ.items() if name[:4] != "AWS_"}
        environment |= {"PYTHONPATH": str(SCRIPTS), "AWS_EC2_METADATA_DISABLED": "true"}
        if aws:
            environment["AWS_ENDPOINT_URL"] = aws
        command = [
            sys.executable,
            "-m",
            "kit.emulators.rekognition",
            "--port",
            self.url.split(":")[2],
        ]
        self.process = subprocess.Popen(
            [*command, "--processes", str(processes)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.get("ready") == {"ready": True}:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def get(self, name: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/_workshop/{name}") as answer:
            return json.load(answer)

    def fail(self, code: str, times: int = 1, operation: str | None = None) -> None:
        wish = json.dumps({"code": code, "times": times, "operation": operation}).encode()
        with urllib.request.urlopen(f"{self.url}/_workshop/faults", wish) as answer:
            assert answer.status == 200

    def client(self, attempts: int = 1, key: str = "AKIATEST") -> Any:
        return boto3.client(
            "rekognition",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id=key,
            aws_secret_access_key="secret",
            config=Config(
                # The server's validation is what is tested, not boto3's.
                parameter_validation=False,
                max_pool_connections=200,
                retries={"mode": "standard", "total_max_attempts": attempts},
            ),
        )

    def stop(self) -> bytes:
        self.process.kill()
        output, _ = self.process.communicate()
        return output


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in samples.ensure().items()}


@pytest.fixture(scope="module")
def aws_process() -> Iterator[StandInAws]:
    aws = StandInAws()
    yield aws
    aws.shutdown()
    aws.server_close()


@pytest.fixture(scope="module")
def server(aws_process: StandInAws) -> Iterator[Server]:
    server = Server(aws_process.url)
    yield server
    assert server.stop() == b"", "it is quiet"


@pytest.fixture
def aws(aws_process: StandInAws, photos: dict[str, bytes]) -> StandInAws:
    aws_process.objects = {f"photos/images/{name}": data for name, data in photos.items()}
    aws_process.denied = set()
    aws_process.asked = []
    aws_process.verdict_status = 200
    aws_process.delay = 0.0
    return aws_process


def stored(name: str, bucket: str = "photos") -> dict[str, Any]:
    return {"S3Object": {"Bucket": bucket, "Name": f"images/{name}"}}


def error_of(client: Any, operation: str = "compare_faces", **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# ---------------------------------------------------------------- answers


@pytest.mark.usefixtures("aws")
def test_compare_faces_in_s3(server: Server) -> None:
    client = server.client()
    same = client.compare_faces(SourceImage=stored("obama.jpg"), TargetImage=stored("obama2.jpg"))
    assert same["FaceMatches"][0]["Similarity"] > 95
    assert same["UnmatchedFaces"] == []
    assert set(same["SourceImageFace"]) == {"BoundingBox", "Confidence"}
    other = client.compare_faces(SourceImage=stored("obama.jpg"), TargetImage=stored("biden.jpg"))
    assert other["FaceMatches"] == []
    assert len(other["UnmatchedFaces"]) == 1
    assert same["SourceImageFace"] == other["SourceImageFace"]
    swapped = client.compare_faces(SourceImage=stored("biden.jpg"), TargetImage=stored("obama.jpg"))
    assert swapped["SourceImageFace"] != other["SourceImageFace"]


def test_compare_faces_with_bytes(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    answer = server.client().compare_faces(
        SourceImage={"Bytes": photos["obama.jpg"]},
        TargetImage={"Bytes": photos["obama3.jpg"]},
        SimilarityThreshold=99.99,
    )
    assert answer["FaceMatches"] == []
    assert {question["action"] for question in aws.asked} == {"rekognition:CompareFaces"}


@pytest.mark.usefixtures("aws")
def test_detect_faces(server: Server) -> None:
    client = server.client()
    [face] = client.detect_faces(Image=stored("obama.jpg"), Attributes=["ALL"])["FaceDetails"]
    assert set(face) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert client.detect_faces(Image=stored("landscape.jpg"))["FaceDetails"] == []


def test_keys_with_spaces_and_letters_of_other_languages(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    aws.objects["photos/images/Grüße an + #1.jpg"] = photos["obama.jpg"]
    found = server.client().detect_faces(Image=stored("Grüße an + #1.jpg"))
    assert len(found["FaceDetails"]) == 1
    assert aws.asked[-1]["resource"] == "arn:aws:s3:::photos/images/Grüße an + #1.jpg"


@pytest.mark.usefixtures("aws")
def test_what_it_tells_about_its_work(server: Server, photos: dict[str, bytes]) -> None:
    before = server.get("stats")
    client = server.client()
    new = {"Bytes": another(photos["obama.jpg"])}
    client.compare_faces(SourceImage=new, TargetImage=stored("biden.jpg"))
    error_of(client, SourceImage=stored("obama.jpg"), TargetImage=stored("landscape.jpg"))
    after = server.get("stats")
    assert after["calls"]["CompareFaces"] == before["calls"]["CompareFaces"] + 2
    assert 0.05 < after["seconds"] - before["seconds"] < 10
    compared, failed = server.get("comparisons")[-2:]
    assert compared["source"] == f"{len(new['Bytes'])} bytes"
    assert compared["target"] == "s3://photos/images/biden.jpg"
    assert 0 < compared["similarity"] < 5  # told even below the threshold
    assert compared["seconds"] > 0
    assert failed["error"] == "InvalidParameterException"


def test_each_picture_is_looked_at_once(server: Server, photos: dict[str, bytes]) -> None:
    """However often it is asked for, and by how many at once; another one is another matter."""
    client = server.client()
    reference, photo = ({"Bytes": another(photos[f"obama{number}.jpg"])} for number in (2, 3))

    def compare(threshold: int) -> tuple[float, float]:
        answer = client.compare_faces(
            SourceImage=reference, TargetImage=photo, SimilarityThreshold=threshold
        )
        similarities = [match["Similarity"] for match in answer["FaceMatches"]]
        return max(similarities, default=0), server.get("comparisons")[-1]["similarity"]

    with ThreadPoolExecutor(8) as threads:
        best = {one for one, _ in threads.map(compare, [80] * 8)}
    assert len(best) == 1
    looked = [note["seconds"] for note in server.get("comparisons")[-8:] if note["seconds"]]
    assert 1 <= len(looked) <= 2  # one request for each picture, or one for both
    before = server.get("stats")["seconds"]
    assert compare(100) == (0, *best)  # the threshold is not remembered
    assert server.get("stats")["seconds"] == before
    client.detect_faces(Image={"Bytes": another(photos["obama2.jpg"])})
    assert server.get("stats")["seconds"] > before


def test_a_quota_of_calls_a_second(server: Server) -> None:
    fault = {"code": "ThrottlingException", "times": 100, "per_second": 3}
    url = f"{server.url}/_workshop/faults"
    requests.post(url, json=fault, timeout=5).raise_for_status()
    client = server.client()
    codes = [error_of(client, SourceImage={}, TargetImage={})[0] for _ in range(20)]
    requests.delete(url, timeout=5).raise_for_status()
    passed = codes.count("InvalidParameterException")
    assert 3 <= passed < 17
    assert codes.count("ThrottlingException") == 20 - passed


def test_two_comparisons_run_at_once(server: Server, aws: StandInAws) -> None:
    pairs = [("obama.jpg", "obama3.jpg"), ("biden.jpg", "obama2.jpg")] * 3

    def compare(pair: tuple[str, str]) -> int:
        source, target = (f"{threading.get_ident()} {name}" for name in pair)
        for name, original in zip((source, target), pair, strict=True):  # nobody has seen these
            data = aws.objects[f"photos/images/{original}"] + name.encode()
            aws.objects[f"photos/images/{name}"] = data
        images = {"SourceImage": stored(source), "TargetImage": stored(target)}
        answer = server.client().compare_faces(**images)
        return len(answer["FaceMatches"])

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(compare, pairs)) == [1, 0] * 3


# ---------------------------------------------------------------- errors of pictures


def another(photo: bytes) -> bytes:
    """A file that nobody has seen; what comes after the end of a JPEG does not change it."""
    return photo + os.urandom(16)


def declared_png(side: int) -> bytes:
    """A PNG of 45 bytes that says it has side × side pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b"\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header))
    chunks += bytes(4) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + chunks


def webp(photo: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(photo)).reduce(4).save(file, "WEBP")
    return file.getvalue()


def test_pictures_that_cannot_be_used(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    no_face = ("InvalidParameterException", "Request has invalid parameters")
    bad_format = ("InvalidImageFormatException", "Request has invalid image format")
    too_large = ("ImageTooLargeException", "Image size is too large")
    cases = {
        "text.jpg": (b"not a picture", bad_format),
        "empty.jpg": (b"", bad_format),
        "truncated.jpg": (photos["obama.jpg"][:50_000], bad_format),
        "webp.jpg": (webp(photos["obama.jpg"]), bad_format),
        "landscape.jpg": (photos["landscape.jpg"], no_face),
        "bomb.png": (declared_png(50_000), too_large),
        "large.jpg": (photos["obama.jpg"] + bytes(15 * 1024 * 1024), too_large),
    }
    client = server.client()
    for name, (data, expected) in cases.items():
        aws.objects[f"photos/images/{name}"] = data
        found = error_of(client, SourceImage=stored("obama.jpg"), TargetImage=stored(name))
        assert (name, found) == (name, expected)
        found = error_of(client, SourceImage=stored(name), TargetImage=stored("obama.jpg"))
        assert (name, found) == (name, expected)
    modelled = client.exceptions.InvalidImageFormatException
    with pytest.raises(modelled):
        client.detect_faces(Image=stored("text.jpg"))


def test_bytes_above_5_mb_and_bodies_above_16_mb(
    server: Server, aws: StandInAws, photos: dict[str, bytes]
) -> None:
    client = server.client()
    photo = photos["obama.jpg"]
    limit = 5 * 1024 * 1024
    fits = photo + bytes(limit - len(photo))  # JPEG decoders stop at the picture's end
    assert len(client.detect_faces(Image={"Bytes": fits})["FaceDetails"]) == 1
    for size in (limit + 1, 20 * 1024 * 1024):
        code, _ = error_of(client, "detect_faces", Image={"Bytes": bytes(size)})
        assert (size, code) == (size, "ImageTooLargeException")
    aws.objects["photos/images/6mb.jpg"] = photo + bytes(6 * 1024 * 1024)  # S3's limit is 15 MB
    assert len(client.detect_faces(Image=stored("6mb.jpg"))["FaceDetails"]) == 1


# ---------------------------------------------------------------- errors of parameters


@pytest.mark.usefixtures("aws")
def test_parameters(server: Server) -> None:
    client = server.client()
    photo = stored("obama.jpg")
    both = photo | {"Bytes": b"x"}
    good = {"SourceImage": photo, "TargetImage": photo}
    unnamed = {"S3Object": {"Bucket": "photos"}}
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"SourceImage": photo}, "ValidationException", "Value null at 'targetImage'"),
        ({"TargetImage": photo}, "ValidationException", "Value null at 'sourceImage'"),
        ({"SourceImage": {}, "TargetImage": photo}, "InvalidParameterException", "invalid param"),
        ({"SourceImage": photo, "TargetImage": both}, "InvalidParameterException", "invalid param"),
        ({"SourceImage": photo, "TargetImage": unnamed}, "InvalidS3ObjectException", "invalid S3"),
        (good | {"SimilarityThreshold": 101}, "ValidationException", "less than or equal to 100"),
        (good | {"SimilarityThreshold": -1}, "ValidationException", "greater than or equal to 0"),
        (good | {"QualityFilter": "BEST"}, "ValidationException", "enum value set"),
    ]
    for parameters, code, part in cases:
        found = error_of(client, **parameters)
        assert found[0] == code
        assert part in found[1]
    code, message = error_of(client, "detect_labels", Image=photo)
    assert code == "UnknownOperationException"
    assert "CompareFaces and DetectFaces, not 'DetectLabels'" in message


def post(url: str, body: bytes, **headers: str) -> tuple[int, str, dict[str, Any]]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, body, names))
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        parsed = json.loads(text) if text.startswith(b"{") else {}
        return answer.status, answer.headers.get("x-amzn-errortype", ""), parsed


def test_requests_that_boto3_would_not_send(server: Server) -> None:
    target = "RekognitionService.DetectFaces"
    credential = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/rekognition/aws4_request, x"
    status, code, body = post(server.url, b"{}", X_Amz_Target=target)
    assert (status, code) == (400, "MissingAuthenticationTokenException")
    assert body["__type"] == code
    for text in (b"{", b"[1]", b'"x"', b"\xff"):
        found = post(server.url, text, X_Amz_Target=target, Authorization=credential)
        assert found[:2] == (400, "SerializationException")
    for image in (1, "x", {"Bytes": 1}, {"Bytes": "%%"}, {"S3Object": 1}):
        text = json.dumps({"Image": image}).encode()
        status, code, _ = post(server.url, text, X_Amz_Target=target, Authorization=credential)
        assert (status, code != "") == (400, True)
    assert post(server.url, b"{}")[1] == "UnknownOperationException"
    assert post(server.url, b"{}", X_Amz_Target=target, Host="evil.example")[:2] == (421, "")
    assert post(f"{server.url}/_workshop/faults", b"{}")[0] == 400


# ---------------------------------------------------------------- permissions


@pytest.mark.parametrize("operation", ["CompareFaces", "DetectFaces"])
def test_callers_need_permission(server: Server, aws: StandInAws, operation: str) -> None:
    action = f"rekognition:{operation}"
    aws.denied = {action}
    photo = stored("obama.jpg")
    call = {
        "CompareFaces": ("compare_faces", {"SourceImage": photo, "TargetImage": photo}),
        "DetectFaces": ("detect_faces", {"Image": photo}),
    }[operation]
    code, message = error_of(server.client(key="AKIALAMBDA"), call[0], **call[1])
    assert code == "AccessDeniedException"
    assert message == f"User: me is not authorized to perform: {action}"
    assert aws.asked == [{"access_key": "AKIALAMBDA", "action": action, "resource": "*"}]


def test_callers_need_permission_for_each_object(server: Server, aws: StandInAws) -> None:
    client = server.client()
    photo = stored("obama.jpg")
    client.compare_faces(SourceImage=photo, TargetImage=stored("obama2.jpg"))
    resources = [q["resource"] for q in aws.asked if q["action"] == "s3:GetObject"]
    assert resources == [f"arn:aws:s3:::photos/images/{n}.jpg" for n in ("obama", "obama2")]
    missing = stored("missing.jpg")
    expected = ("InvalidS3ObjectException", UNREADABLE)
    assert error_of(client, SourceImage=photo, TargetImage=missing) == expected
    assert error_of(client, SourceImage=missing, TargetImage=photo) == expected
    elsewhere = stored("obama.jpg", bucket="elsewhere")
    assert error_of(client, SourceImage=elsewhere, TargetImage=photo) == expected
    aws.denied = {"s3:GetObject"}
    assert error_of(client, SourceImage=photo, TargetImage=photo) == expected


def test_no_verdict_is_a_no(server: Server, aws: StandInAws) -> None:
    aws.verdict_status = 404
    code, message = error_of(server.client(), "detect_faces", Image=stored("obama.jpg"))
    assert code == "AccessDeniedException"
    assert "404" in message


# ---------------------------------------------------------------- load and faults


@pytest.mark.usefixtures("aws")
def test_faults_have_the_services_status_and_are_retried(server: Server) -> None:
    photo = stored("landscape.jpg")
    for code, status in (
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
    ):
        server.fail(code, operation="DetectFaces")
        with pytest.raises(ClientError) as caught:
            server.client().detect_faces(Image=photo)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    server.fail("ThrottlingException", times=2)
    answer = server.client(attempts=4).detect_faces(Image=photo)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    server.fail("ThrottlingException", operation="CompareFaces")
    assert server.client().detect_faces(Image=photo)["FaceDetails"] == []  # not meant
    code, _ = error_of(server.client(), SourceImage=photo, TargetImage=photo)
    assert code == "ThrottlingException"


def test_more_than_100_waiting_requests_are_throttled(server: Server, aws: StandInAws) -> None:
    aws.delay = 0.3  # so that they pile up, also on a busy computer
    client = server.client()

    def call(_: int) -> str:
        return error_of(client, "detect_faces", Image={"Bytes": b"not a picture"})[0]

    with ThreadPoolExecutor(130) as threads:
        codes = Counter(threads.map(call, range(130)))
    assert set(codes) == {"ThrottlingException", "InvalidImageFormatException"}
    assert codes["InvalidImageFormatException"] >= 100
    assert codes["ThrottlingException"] >= 5
    aws.delay = 0.0
    assert call(0) == "InvalidImageFormatException"  # and it goes on


# ---------------------------------------------------------------- life and death


def children_of(process: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def alive(processes: list[int]) -> list[int]:
    found = []
    for number in processes:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(number)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "parent"])
def test_nothing_is_left_running(photos: dict[str, bytes], end: str) -> None:
    server = Server(processes=1)
    client = server.client()
    # Without an offline AWS: bytes work, and S3 is never asked (it would be the real one).
    found = client.detect_faces(Image={"Bytes": photos["landscape.jpg"]})
    assert found["FaceDetails"] == []
    code, _ = error_of(client, "detect_faces", Image=stored("obama.jpg"))
    assert code == "InvalidS3ObjectException"
    children = children_of(server.process.pid)
    assert len(children) >= 1
    started = time.monotonic()
    if end == "parent":
        assert server.process.stdin
        server.process.stdin.close()  # what the system does when the parent dies
        server.process.stdin = None
    else:
        server.process.send_signal(signal.Signals[end])
    server.process.wait(10)
    while alive(children) and time.monotonic() - started < 20:
        time.sleep(0.05)
    assert alive(children) == []
    assert server.stop() == b""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")
def test_a_worker_that_breaks_is_replaced(photos: dict[str, bytes]) -> None:
    server = Server(processes=1)
    client = server.client(attempts=2)
    for child in children_of(server.process.pid):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    found = client.detect_faces(Image={"Bytes": photos["obama.jpg"]})
    assert found["ResponseMetadata"]["RetryAttempts"] == 1
    assert len(found["FaceDetails"]) == 1
    assert b"a worker was replaced" in server.stop()


def test_a_worker_imports_nothing_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # Python says what it imports
    log = tmp_path / "imports"
    with log.open("ab") as output:
        Server(processes=1, output=output).stop()
    imported = Counter(line.rpartition("|")[2].strip() for line in log.read_text().splitlines())
    assert imported["kit.emulators.rekognition.faces"] == 2  # by the server and by its worker
    alone = ("kit.emulators.rekognition.app", "boto3", "uvicorn", "click")
    assert [imported[name] for name in alone] == [1] * len(alone)
