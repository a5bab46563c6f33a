"""TwitterLambdaFunction downloads from one place; no address of a post leads it elsewhere."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from kit.stack.stack import Stack
from security.inline import load_inline
from stub_server import Answer, StubServer
from support import wait_for

PREFIX = "https://pbs.twimg.com/media/"
# {prefix} is the allow-listed one, {host} and {scheme} are its parts, {port} is where we listen.
HOSTILE = [
    # other hosts
    "https://example.com/media/a.jpg",
    "https://pbs.twimg.com.evil.example/media/a.jpg",
    "https://evil-pbs.twimg.com/media/a.jpg",
    "https://evil.example/pbs.twimg.com/media/a.jpg",
    "https://evil.example/?{prefix}a.jpg",
    "https://evil.example/#{prefix}a.jpg",
    "https://pbs.twimg.com./media/a.jpg",
    "https://pbs。twimg。com/media/a.jpg",
    "https://ⓟⓑⓢ.twimg.com/media/a.jpg",
    "https://xn--pbs-0na.twimg.com/media/a.jpg",
    "{host}/media/a.jpg",
    "//{host}/media/a.jpg",
    "/media/a.jpg",
    "a.jpg",
    # somebody before the host
    "{scheme}://{host}@evil.example/media/a.jpg",
    "{scheme}://{host}:443@evil.example/media/a.jpg",
    "{scheme}://{host}%40evil.example/media/a.jpg",
    "{scheme}://evil.example@{host}/media/a.jpg",
    "{scheme}://user:password@{host}/media/a.jpg",
    "{scheme}://{host}\\@evil.example/media/a.jpg",
    "{scheme}://{host}#@evil.example/media/a.jpg",
    "{scheme}://{host}?@evil.example/media/a.jpg",
    "{scheme}://{host}@127.0.0.1:{port}/media/a.jpg",
    # this computer, in all notations
    "http://127.0.0.1:{port}/media/a.jpg",
    "http://127.1:{port}/media/a.jpg",
    "http://127.0.1:{port}/media/a.jpg",
    "http://0:{port}/media/a.jpg",
    "http://0.0.0.0:{port}/media/a.jpg",
    "http://2130706433:{port}/media/a.jpg",
    "http://0x7f000001:{port}/media/a.jpg",
    "http://0x7f.0.0.1:{port}/media/a.jpg",
    "http://017700000001:{port}/media/a.jpg",
    "http://0177.0.0.1:{port}/media/a.jpg",
    "http://127.0.0.01:{port}/media/a.jpg",
    "http://①②⑦.⓪.⓪.①:{port}/media/a.jpg",
    "http://[::1]:{port}/media/a.jpg",
    "http://[::]:{port}/media/a.jpg",
    "http://[0:0:0:0:0:0:0:1]:{port}/media/a.jpg",
    "http://[::ffff:127.0.0.1]:{port}/media/a.jpg",
    "http://[::ffff:7f00:1]:{port}/media/a.jpg",
    "http://[::127.0.0.1]:{port}/media/a.jpg",
    "http://[64:ff9b::7f00:1]:{port}/media/a.jpg",
    "http://[fe80::1%25lo]:{port}/media/a.jpg",
    # names that point to this computer
    "http://localhost:{port}/media/a.jpg",
    "http://LOCALHOST:{port}/media/a.jpg",
    "http://localhost.:{port}/media/a.jpg",
    "http://anything.localhost:{port}/media/a.jpg",
    "http://localhost.localdomain:{port}/media/a.jpg",
    "http://ip6-localhost:{port}/media/a.jpg",
    "http://localtest.me:{port}/media/a.jpg",
    "http://127.0.0.1.nip.io:{port}/media/a.jpg",
    # the metadata service, and others inside of a network
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/latest/meta-data/",
    "http://0251.0376.0251.0376/latest/meta-data/",
    "http://169.254.43518/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://169.254.170.2/v2/credentials/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://instance-data/latest/meta-data/",
    "http://10.0.0.1/media/a.jpg",
    "http://192.168.0.1/media/a.jpg",
    "http://[fc00::1]/media/a.jpg",
    # other ports and schemes
    "{scheme}://{host}:{port}/media/a.jpg",
    "{scheme}://{host}:22/media/a.jpg",
    "{scheme}://{host}:/media/a.jpg",
    "HTTPS://{host}/media/a.jpg",
    "hTTp://{host}/media/a.jpg",
    "https:{host}/media/a.jpg",
    "https:/{host}/media/a.jpg",
    "https:///{host}/media/a.jpg",
    "https:\\\\{host}\\media\\a.jpg",
    "file:///etc/passwd",
    "file://{host}/media/a.jpg",
    "file:/proc/self/environ",
    "ftp://{host}/media/a.jpg",
    "ftp://127.0.0.1:{port}/a.jpg",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/stat",
    "data:image/jpeg;base64,/9j/4AAQSkZJRg==",
    "jar:{prefix}a.jpg",
    "url:{prefix}a.jpg",
    "javascript:alert(1)",
    # ways out of the folder
    "{prefix}",
    "{prefix}?a.jpg",
    "{prefix}.",
    "{prefix}%2e",
    "{prefix}..",
    "{prefix}%2e%2e",
    "{prefix}../secret",
    "{prefix}..%2fsecret",
    "{prefix}%2E%2E%2Fsecret",
    "{prefix}.%2e/secret",
    "{prefix}%252e%252e%252fsecret",
    "{prefix}a/../../secret",
    "{prefix}a/b.jpg",
    "{prefix}/a.jpg",
    "{prefix}//evil.example/a.jpg",
    "{prefix}%2f%2fevil.example/a.jpg",
    "{prefix}..\\secret",
    "{prefix}..%5csecret",
    "{prefix}..;/secret",
    "{prefix}..%00/secret",
    "{scheme}://{host}/media/../other/a.jpg",
    "{scheme}://{host}/other/a.jpg",
    "{scheme}://{host}/MEDIA/a.jpg",
    "{scheme}://{host}//media/a.jpg",
    "{scheme}://{host}/%6dedia/a.jpg",
    "{scheme}://{host}/media",
    # what a request line or a header must not hold
    "{prefix}a\r\nHost: evil.example",
    "{prefix}a%0d%0aHost:%20evil.example",
    "{prefix}a%0aX: y",
    "{prefix}a\tb",
    "{prefix}a%09b",
    "{prefix}a%00.jpg",
    "{prefix}a\x00.jpg",
    " {prefix}a.jpg",
    "\t{prefix}a.jpg",
    "\n{prefix}a.jpg",
    "ht\ntps://{host}/media/a.jpg",
    "{scheme}://pbs.\ntwimg.com/media/a.jpg",
    "\ufeff{prefix}a.jpg",
    "[{prefix}a.jpg]",
    "{prefix}" + "../" * 1000 + "etc/passwd",
]


def addresses(prefix: str, port: int) -> list[str]:
    scheme, _, rest = prefix.partition("://")
    values = {"prefix": prefix, "scheme": scheme, "host": rest.partition("/")[0]}
    found = []
    for address in HOSTILE:
        for name, value in (values | {"port": str(port)}).items():
            address = address.replace(f"{{{name}}}", value)  # noqa: PLW2901
        found.append(address)
    # With an http prefix of this computer a few of them are the same as it.
    return [address for address in found if not address.startswith(f"{prefix}a.jpg")]


@pytest.fixture(scope="module")
def function() -> dict[str, Any]:
    return load_inline("TwitterLambdaFunction")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Who was asked for: names that were looked up, and addresses that were connected to."""
    asked: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        asked.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


def test_the_table_is_large_and_the_network_is_watched(
    function: dict[str, Any], network: list[Any]
) -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100
    with pytest.raises(OSError, match="no network in this test"):
        function["download"](f"{PREFIX}a.jpg")
    assert network[0][0] == "pbs.twimg.com"


@pytest.mark.parametrize("address", addresses(PREFIX, 8080))
def test_a_hostile_address_is_refused_without_a_request(
    function: dict[str, Any], network: list[Any], address: str
) -> None:
    for url in (address, function["describe"]({"url": address})["url"]):
        with pytest.raises(ValueError, match="its address is not that of a photo below"):
            function["download"](url)
    assert network == []


def test_the_first_edition_s_http_becomes_https(
    function: dict[str, Any], network: list[Any]
) -> None:
    described = function["describe"]({"image_url": "http://pbs.twimg.com/media/a.jpg"})
    assert described["url"] == f"{PREFIX}a.jpg"
    with pytest.raises(OSError, match="no network in this test"):
        function["download"](described["url"])
    assert network[0][:2] == ("pbs.twimg.com", 443)


# --- Redirects, and who is reached in the end -----------------------------------------------------


@pytest.fixture
def servers() -> Iterator[tuple[StubServer, StubServer]]:
    """A photo host that redirects, and another server that nobody is to reach."""
    pair = (StubServer(Answer(302)), StubServer(Answer()))
    yield pair
    for server in pair:
        server.close()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/media/a.jpg",
        "//127.0.0.1:{port}/media/a.jpg",
        "http://localhost:{port}/media/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "/media/b.jpg",
    ],
)
def test_a_redirect_is_not_followed(
    servers: tuple[StubServer, StubServer], status: int, location: str
) -> None:
    photo_host, other = servers
    there = location.format(port=other.port)
    photo_host.default = Answer(status, {"Location": there, "Refresh": f"0; url={there}"})
    prefix = f"{photo_host.url}/media/"
    function = load_inline("TwitterLambdaFunction", PHOTO_URL_PREFIX=prefix)
    with pytest.raises(ValueError, match=f"the photo host answered {status}"):
        function["download"](f"{prefix}a.jpg")
    assert (photo_host.connections, other.connections) == (1, 0)


def test_a_proxy_in_the_environment_is_not_used(
    servers: tuple[StubServer, StubServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo_host, proxy = servers
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    prefix = f"{photo_host.url}/media/"
    function = load_inline("TwitterLambdaFunction", PHOTO_URL_PREFIX=prefix)
    with pytest.raises(ValueError, match="the photo host answered 302"):
        function["download"](f"{prefix}a.jpg")
    assert (photo_host.connections, proxy.connections) == (1, 0)


def test_the_deployed_function_refuses_the_whole_table(
    stack: Stack, servers: tuple[StubServer, StubServer]
) -> None:
    prefix = stack.aws.client("lambda").get_function_configuration(
        FunctionName=stack.resource("TwitterLambdaFunction")
    )["Environment"]["Variables"]["PHOTO_URL_PREFIX"]
    server = servers[0]
    table = addresses(prefix, server.port)
    lines = [json.dumps({"media_key": f"3_{n}", "url": url}) for n, url in enumerate(table)]
    bucket = stack.resource("TwitterBucket")
    body = "\n".join(lines).encode()
    stack.aws.client("s3").put_object(Bucket=bucket, Key="firehose/hostile", Body=body)
    wait_for(
        lambda: f"{{'rejected': {len(table)}}}" in "\n".join(stack.log_lines("TwitterLambdaLogs"))
    )
    assert server.connections == 0
    table_name = stack.resource("PostsTable")
    assert stack.aws.client("dynamodb").scan(TableName=table_name)["Count"] == 0
