"""Whatever comes in, nothing falls over: the parsers of both functions and of the offline servers.

The normal run tries some hundred inputs for each, always the same ones. `make fuzz` tries 100,000
and others each time.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import os
import string
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.emulators.rekognition import errors, faces
from kit.emulators.rekognition.app import application
from kit.emulators.rekognition.face_cache import FaceCache
from kit.emulators.rekognition.service import Rekognition
from kit.emulators.x.errors import Problem
from kit.emulators.x.requests import uploaded_file
from lambdas.loading import SOLUTION, VARIABLES, load_code, load_inline
from security.asgi import request
from security.pictures import small_pictures
from support import s3_event

pytestmark = pytest.mark.unit

INPUTS = int(os.environ.get("FUZZ_INPUTS", "0"))
PREFIX = VARIABLES["PHOTO_URL_PREFIX"]


def inputs(count: int) -> settings:
    """So many inputs in the normal run."""
    return settings(
        max_examples=INPUTS or count,
        derandomize=not INPUTS,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# Loaded by the first test that needs one: to make their clients takes half a second, and every
# worker of pytest imports this file.


@functools.cache
def twitter() -> dict[str, Any]:
    return load_inline("TwitterLambdaFunction")


@functools.cache
def starter() -> dict[str, Any]:
    return load_inline("RekognitionLambdaFunction")


@functools.cache
def solution() -> dict[str, Any]:
    return load_code(SOLUTION, "compareFaces")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
# Text as the posts of X have it, and lone halves of surrogate pairs, which JSON can hold as well.
odd_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["\ud83d", "\x00", "..", "%2e", "a" * 2000, "{", '"', "\\", "\u2028", "é" * 100]
)
FIELDS = ["media_key", "url", "image_url", "post_id", "id_str", "username", "text", "created_at"]
records = st.dictionaries(st.sampled_from(FIELDS), odd_text | anything)
addresses = st.builds(
    lambda start, parts: start + "".join(parts),
    st.sampled_from([PREFIX, "http://pbs.twimg.com/media/", "", "https://"]),
    st.lists(
        odd_text
        | st.sampled_from(["/", "..", "%2f", "%2e", "%25", "@", "?", "#", "\r\n", "\\", "a.jpg"])
    ),
)


# --- TwitterLambdaFunction ------------------------------------------------------------------------


@inputs(150)
@given(st.binary() | st.text(string.printable + '{}":\n').map(str.encode), records)
@example(b'{"a": ' * 100_000, {})
@example(b"[" * 100_000, {})
@example(b'{"a": ' + b"9" * 5000 + b"}", {})
def test_any_object_of_s3_is_read(body: bytes, good: dict[str, Any]) -> None:
    """And a line after whatever else there is costs nothing: it is found."""
    line = json.dumps(good).encode()
    text = (body + b"\n" + line + b"\n").decode("utf-8", "replace")
    found = list(twitter()["read_records"](text))
    assert all(isinstance(record, dict) for record in found)
    quotes_are_closed = body.count(b'"') == 0 and b"{" not in body and b"[" not in body
    if quotes_are_closed:
        assert json.dumps(found[-1]) == json.dumps(good)


@inputs(150)
@given(records)
@example({"url": "u", "text": "\ud800"})
@example({"url": "u", "media_key": "\n"})
@example({"url": "u", "media_key": "a\n"})
def test_any_line_is_an_item_or_no_photo(record: dict[str, Any]) -> None:
    try:
        item = twitter()["describe"](record)
    except ValueError as error:
        assert str(error) == "the line is not the metadata of a photo"  # noqa: PT017
        return
    assert {"media_key", "url"} <= item.keys()
    assert all(isinstance(value, str) and 0 < len(value) <= 30_000 for value in item.values())
    assert sum(len(value.encode()) for value in item.values()) < 400_000  # what DynamoDB takes
    assert set(item["media_key"]) <= set(string.ascii_letters + string.digits + "_-")


@inputs(150)
@given(addresses)
def test_any_address_is_below_the_prefix_or_refused(address: str) -> None:
    asked: list[str] = []

    def open_address(url: str, timeout: float) -> None:
        asked.append(url)
        raise TimeoutError

    loaded = twitter() | {"web": SimpleNamespace(open=open_address)}
    download = type(twitter()["download"])(twitter()["download"].__code__, loaded)
    try:
        download(address)
    except TimeoutError:
        parts = urlsplit(asked[0])
        assert asked[0].startswith(PREFIX)
        assert asked[0].isascii()
        assert asked[0].isprintable()
        assert " " not in asked[0]
        assert (parts.scheme, parts.netloc) == ("https", "pbs.twimg.com")
        folder, name = parts.path.rsplit("/", 1)
        assert folder == "/media"
        assert name not in ("", ".", "..")
        assert (parts.query, parts.fragment) == ("format=jpg&name=large", "")
    except ValueError:
        assert asked == []
    else:
        raise AssertionError("nothing was asked")


@inputs(100)
@given(st.lists(st.tuples(odd_text, st.binary() | records.map(json.dumps).map(str.encode))))
def test_any_event_is_processed(objects: list[tuple[str, bytes]]) -> None:
    """The photo host answers nothing here, so photos are rejected, or fail for now."""
    names = [name.encode("utf-8", "replace").decode() for name, _ in objects]
    bodies = [body for _, body in objects]
    read: list[str] = []

    def get_object(Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        read.append(Key)
        return {"Body": io.BytesIO(bodies[len(read) - 1])}

    def refuse(url: str, timeout: float) -> None:
        raise TimeoutError("no network in this test")

    before = twitter()["s3"], twitter()["web"]
    twitter()["s3"] = SimpleNamespace(get_object=get_object)
    twitter()["web"] = SimpleNamespace(open=refuse)
    try:
        counts = twitter()["lambda_handler"](s3_event("bucket", *map(quote_plus, names)), None)
        assert set(counts or {}) <= {"rejected"}  # of an event without records there are none
    except RuntimeError as error:
        assert "some photos failed" in str(error)  # noqa: PT017
    finally:
        twitter()["s3"], twitter()["web"] = before
    assert read == names


# --- RekognitionLambdaFunction --------------------------------------------------------------------

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@inputs(100)
@given(st.lists(keys))
def test_the_starter_logs_any_key(names: list[str]) -> None:
    starter()["lambda_handler"](s3_event("bucket", *map(quote_plus, names)), None)


# What Lambda tells the function, as far as it asks.
CONTEXT = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)


class Table(SimpleNamespace):
    """A table that refuses what DynamoDB refuses: a key that is empty."""

    def get_item(self, Key: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        assert 0 < len(Key["media_key"].encode()) <= 2048
        return {"Item": self.post}

    def update_item(self, Key: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        assert 0 < len(Key["media_key"].encode()) <= 2048
        return {"Attributes": self.post}


@inputs(150)
@given(keys, st.dictionaries(st.sampled_from(FIELDS), odd_text), st.floats(0, 100))
@example("images/", {}, 99.0)
@example("images/.jpg", {}, 99.0)
@example(".jpg", {}, 99.0)
def test_the_solution_mails_any_post(name: str, post: dict[str, str], similarity: float) -> None:
    mails: list[dict[str, str]] = []
    post = {key: value.encode("utf-8", "replace").decode() for key, value in post.items()}
    answer = {"FaceMatches": [{"Similarity": similarity}]}
    solution()["table"] = Table(post=post)
    solution()["rekognition"] = SimpleNamespace(
        compare_faces=lambda **_: answer,
        exceptions=SimpleNamespace(InvalidS3ObjectException=KeyError),
    )
    solution()["sns"] = SimpleNamespace(publish=lambda **mail: mails.append(mail))
    solution()["lambda_handler"](s3_event("bucket", quote_plus(f"images/{name}")), CONTEXT)
    solution()["lambda_handler"](s3_event("bucket", quote_plus(name or "a key")), CONTEXT)
    for mail in mails:
        assert mail["Subject"].isascii()
        assert mail["Subject"].isprintable()
        assert len(mail["Subject"]) < 100
        assert len(mail["Message"].encode()) < 256 * 1024


# --- The emulated Rekognition ---------------------------------------------------------------------

service = Rekognition(1, aws_url="", token="a token", account={})
endpoint = application(service)
CREDENTIAL = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/rekognition/aws4_request, x"


class NoFaces(FaceCache):
    """Stands for the workers that look at pictures; these have a test of their own."""

    async def find(self, data: bytes, note: dict[str, Any]) -> list[Any]:
        return []


service.faces = NoFaces(service.workers)


def ask(target: str, body: bytes, authorization: str) -> tuple[int, Any]:
    """Send a request to the endpoint; return status and JSON."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asked = request(body, host="localhost", x_amz_target=target, authorization=authorization)
    asyncio.run(endpoint(asked.scope, asked.receive, send))
    return sent[0]["status"], json.loads(b"".join(m.get("body", b"") for m in sent[1:]))


pictures_of_requests = anything | st.fixed_dictionaries(
    {},
    optional={
        "Bytes": anything | st.binary().map(lambda b: b.hex()) | st.sampled_from(["", "/9j/", "%"]),
        "S3Object": anything
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["Bucket", "Name", "Version"], odd_text | anything)
        ),
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "SourceImage": pictures_of_requests,
        "TargetImage": pictures_of_requests,
        "Image": pictures_of_requests,
        "SimilarityThreshold": anything | st.floats() | st.integers(),
        "QualityFilter": odd_text | anything | st.just("AUTO"),
    },
)


@inputs(150)
@given(
    st.sampled_from(["CompareFaces", "DetectFaces"]).map("RekognitionService.{}".format)
    | st.text(st.characters(max_codepoint=255)),
    st.binary() | anything.map(json.dumps).map(str.encode) | bodies.map(json.dumps).map(str.encode),
    st.just(CREDENTIAL) | st.text(st.characters(max_codepoint=255)),
)
@example("RekognitionService.DetectFaces", b"[" * 100_000, CREDENTIAL)
@example("RekognitionService.DetectFaces", b'{"a":' * 100_000, CREDENTIAL)
@example("RekognitionService.CompareFaces", b'{"SimilarityThreshold": 1e999}', CREDENTIAL)
@example(
    "RekognitionService.CompareFaces",
    b'{"SourceImage": {"Bytes": ""}, "TargetImage": {"Bytes": ""}, "QualityFilter": "\\ud800"}',
    CREDENTIAL,
)
@example(
    "RekognitionService.CompareFaces",
    b'{"SourceImage": {"Bytes": ""}, "TargetImage": {"Bytes": ""}, "SimilarityThreshold": NaN}',
    CREDENTIAL,
)
def test_any_request_gets_an_answer_of_the_service(
    target: str, body: bytes, authorization: str
) -> None:
    status, answer = ask(target, body, authorization)
    assert status in (200, 400), answer
    assert status == 200 or answer["__type"].endswith(("Exception", "Error"))


# --- Pictures -------------------------------------------------------------------------------------


# Where, what to put there, and how many bytes it replaces.
changes = st.lists(
    st.tuples(
        st.integers(0, 1 << 14) | st.integers(0, 200),
        st.binary(max_size=8),
        st.integers(0, 8) | st.just(1 << 20),
    ),
    max_size=6,
)


@inputs(150)
@given(st.sampled_from(small_pictures()), changes)
def test_any_picture_is_decoded_or_refused(
    picture: bytes, changed: list[tuple[int, bytes, int]]
) -> None:
    data = damaged(picture, changed)
    try:
        pixels, _ = faces.decode(data, 1280)
        assert pixels.shape[2] == 3
    except errors.FaceError as error:
        assert error.code.endswith("Exception")  # noqa: PT017


def damaged(picture: bytes, changed: list[tuple[int, bytes, int]]) -> bytes:
    for where, what, length in changed:
        place = where % (len(picture) + 1)
        picture = picture[:place] + what + picture[place + length :]
    return picture


any_header = st.text(st.characters(max_codepoint=255))
parts_of_forms = st.lists(
    st.binary()
    | st.sampled_from(
        [b"--b", b"\r\n", b"--", b'Content-Disposition: form-data; name="media"', b"; filename=a"]
    )
).map(b"".join)


@inputs(200)
@given(
    any_header
    | any_header.map("multipart/form-data; boundary={}".format)
    | any_header.map("multipart/form-data; boundary=b; charset={}".format)
    | st.sampled_from(["multipart/form-data; boundary=b", "application/x-www-form-urlencoded"]),
    st.binary() | parts_of_forms,
)
def test_any_upload_is_a_file_or_refused(content_type: str, body: bytes) -> None:
    upload = uploaded_file(request(body, content_type=content_type), "media")
    try:
        assert isinstance(asyncio.run(upload), bytes)
    except Problem as problem:
        assert problem.status_code == 400  # noqa: PT017
