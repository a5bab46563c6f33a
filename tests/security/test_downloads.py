"""TwitterLambdaFunction downloads from one place; no address of a post leads it elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.loading import load_inline
from security.addresses import HOSTILE, PREFIX, addresses
from support.stub_server import Answer, StubServer

pytestmark = pytest.mark.unit


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
