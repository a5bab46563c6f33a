"""The servers of offline mode let nobody in but the programs of this computer."""

from __future__ import annotations

import base64
import io
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from security.pictures import jpeg_bomb, png_bomb
from support import wait_until
from support.processes import cpu_seconds, peak_memory
from support.systems import BorrowedSystem

SERVERS = ("x", "aws", "rekognition")
READY = dict.fromkeys(SERVERS, "/_workshop/ready") | {"aws": "/_ministack/ready"}
MIB = 1 << 20


@pytest.fixture(scope="module")
def system(own_system: BorrowedSystem) -> BorrowedSystem:
    """One of its own: the memory of its servers is measured."""
    return own_system


def address(system: BorrowedSystem, server: str) -> str:
    urls = {"x": system.x_url, "aws": system.aws.url, "rekognition": system.rekognition_url}
    return urls[server]


def ask(system: BorrowedSystem, server: str, method: str = "GET", **headers: str) -> int:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    url = address(system, server) + READY[server]
    return requests.request(method, url, headers=headers, timeout=60).status_code


def speak(url: str, *parts: bytes) -> bytes:
    """Send bytes as they are, until the server hangs up or all are sent; return its first line."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=60) as wire:
        try:
            for part in parts:
                wire.sendall(part)
        except OSError:
            pass  # it has answered and hung up
        try:
            return wire.recv(65_536).split(b"\r\n")[0]
        except ConnectionResetError:
            return b"reset"


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.evil.example:4566",
        "localhost.evil.example",
        "evillocalhost",
        "evil127.0.0.1",
        "127.0.0.1:80@evil.example",
        "127.0.0.2",
        "169.254.169.254",
        "[::1]",
        "127.0.0.1:evil.example",
    ],
)
def test_a_name_that_points_to_us_is_not_ours(
    system: BorrowedSystem, server: str, host: str
) -> None:
    assert ask(system, server, Host=host) == 421


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"},
    ],
)
def test_another_web_page_is_refused(
    system: BorrowedSystem, server: str, method: str, headers: dict[str, str]
) -> None:
    assert ask(system, server, method, **headers) == 403


def test_another_web_page_changes_nothing(system: BorrowedSystem) -> None:
    """As a form on it would, without asking the server first."""
    page = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    url = system.aws.url
    before = [b["Name"] for b in system.aws.client("s3").list_buckets()["Buckets"]]
    assert requests.put(f"{url}/evil-bucket", headers=page, timeout=60).status_code == 403
    assert requests.post(f"{url}/_ministack/reset", headers=page, timeout=60).status_code == 403
    answer = requests.get(f"{url}/_workshop/outbox", headers=page, timeout=60)
    assert (answer.status_code, answer.json().keys()) == (403, {"detail"})
    after = [b["Name"] for b in system.aws.client("s3").list_buckets()["Buckets"]]
    assert after == before


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:1", "bucket.localhost:1"])
def test_programs_of_this_computer_are_answered(
    system: BorrowedSystem, server: str, host: str
) -> None:
    assert ask(system, server, Host=host) == 200


@pytest.mark.parametrize("server", SERVERS)
def test_a_link_may_be_clicked(system: BorrowedSystem, server: str) -> None:
    typed = {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"}
    assert ask(system, server, **typed) == 200
    assert ask(system, server, **typed | {"Sec_Fetch_Site": "same-site"}) == 200
    assert ask(system, server, Origin=address(system, server)) == 200


@pytest.mark.parametrize("server", SERVERS)
def test_one_host_is_said(system: BorrowedSystem, server: str) -> None:
    url = address(system, server)
    line = f"GET {READY[server]} HTTP/1.1\r\n".encode()
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        status = speak(url, line + hosts + b"\r\n").split()[1]
        assert status in (b"400", b"421"), hosts


def test_a_bucket_s_name_may_stand_before_the_host(system: BorrowedSystem) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=system.aws.url.replace("127.0.0.1", "s3.localhost"),
        region_name=system.aws.region,
        aws_access_key_id=system.keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=system.keys["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "virtual"}),
    )
    owner, where = system.aws.client("s3"), {"LocationConstraint": system.aws.region}
    owner.create_bucket(Bucket="virtual-host", CreateBucketConfiguration=where)
    owner.put_object(Bucket="virtual-host", Key="a b", Body=b"found")
    place = {"Bucket": "virtual-host", "Key": "a b"}
    url = urlsplit(s3.generate_presigned_url("get_object", Params=place))
    assert (url.hostname or "").startswith("virtual-host.")
    # Not every system resolves names below localhost, but every browser does.
    here = url._replace(netloc=urlsplit(system.aws.url).netloc).geturl()
    assert requests.get(here, headers={"Host": url.netloc}, timeout=60).content == b"found"


# --- Sizes ----------------------------------------------------------------------------------------


def authorization(system: BorrowedSystem) -> str:
    """The header without which X reads no body."""
    return f"Authorization: {system.x.session.headers['Authorization']!s}\r\n"


@pytest.mark.parametrize("server", SERVERS)
def test_a_body_that_says_it_is_too_large_is_not_read(system: BorrowedSystem, server: str) -> None:
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 40}\r\n\r\n"
    assert speak(address(system, server), head.encode()).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("server", SERVERS)
def test_an_endless_body_is_cut_off(system: BorrowedSystem, server: str) -> None:
    path = "/2/tweets" if server == "x" else "/"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    head += f"X-Amz-Target: RekognitionService.DetectFaces\r\n{authorization(system)}\r\n"
    block = b"100000\r\n" + bytes(MIB) + b"\r\n"
    child = system.pids[server]
    before = peak_memory(child)
    answer = speak(address(system, server), head.encode(), *[block] * 200)
    assert answer.startswith(b"HTTP/1.1 413") or answer in (b"", b"reset")
    assert peak_memory(child) - before < 200 * MIB
    wait_until(lambda: ask(system, server) == 200)


@pytest.mark.parametrize("side", [8_193, 20_000, 50_000, 2**31 - 1])
@pytest.mark.parametrize("color", [0, 2, 6])  # gray, RGB, RGBA
def test_a_png_bomb_is_not_decoded(
    system: BorrowedSystem, pictures: dict[str, Path], side: int, color: int
) -> None:
    refuse_bomb(system, png_bomb(side, side, color), pictures["obama.jpg"].read_bytes())


def test_a_jpeg_bomb_is_not_decoded(system: BorrowedSystem, pictures: dict[str, Path]) -> None:
    face = pictures["obama.jpg"].read_bytes()
    refuse_bomb(system, jpeg_bomb(), face)


def refuse_bomb(system: BorrowedSystem, bomb: bytes, face: bytes) -> None:
    assert len(bomb) < MIB
    child = system.pids["rekognition"]
    before, used = peak_memory(child), cpu_seconds(child)
    client: Any = boto3.client(
        "rekognition",
        endpoint_url=system.rekognition_url,
        region_name=system.aws.region,
        aws_access_key_id=system.keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=system.keys["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    for pair in ((face, bomb), (bomb, face)):
        with pytest.raises(ClientError) as error:
            client.compare_faces(SourceImage={"Bytes": pair[0]}, TargetImage={"Bytes": pair[1]})
        assert error.value.response["Error"]["Code"] in (
            "ImageTooLargeException",
            "InvalidImageFormatException",  # Pillow opens no PNG of 2^31 pixels a side
        )
    with pytest.raises(requests.HTTPError) as refusal:
        system.x.upload(bomb)
    assert refusal.value.response.json()["detail"] == "The picture has too many pixels."
    assert cpu_seconds(child) - used < 5
    assert peak_memory(child) - before < 300 * MIB


def test_a_large_photo_of_a_phone_is_no_bomb(system: BorrowedSystem) -> None:
    jpeg = io.BytesIO()
    Image.new("L", (8_000, 6_000)).save(jpeg, "JPEG", quality=20)
    assert system.x.upload(jpeg.getvalue())
    assert len(base64.b64encode(jpeg.getvalue())) < 5 * MIB
