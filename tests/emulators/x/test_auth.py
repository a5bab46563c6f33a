"""The keys that a request has to show."""

from __future__ import annotations

import re

import pytest
import requests

from emulators.x.harness import KEYS, RULES, Server
from kit.x_client import XClient


@pytest.mark.parametrize(
    "auth", [None, ("ck-1b2f", "wrong"), ("wrong", "cs-93aa%2F%2B%3D"), ("ck-1b2f", "")]
)
def test_wrong_consumer_keys_get_no_token(x: Server, auth: tuple[str, str] | None) -> None:
    data = {"grant_type": "client_credentials"}
    answer = requests.post(x.url + "/oauth2/token", auth=auth, data=data, timeout=60)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == 99


def test_users_me_needs_the_keys_of_a_user(x: Server) -> None:
    me = x.client.session.get(x.url + "/2/users/me")
    assert me.json()["data"] == {
        "id": me.json()["data"]["id"],
        "name": "learner",
        "username": "learner",
    }
    assert re.fullmatch(r"\d{19}", me.json()["data"]["id"])
    app_only = x.get("/2/users/me")
    assert app_only.status_code == 403
    assert app_only.json()["type"].endswith("/unsupported-authentication")
    assert requests.get(x.url + "/2/users/me", timeout=60).status_code == 401
    for keys in (("ck-1b2f", "another token"), ("another app", KEYS["TWITTER_TOKEN"])):
        stranger = XClient(x.url, *keys)
        assert stranger.session.get(x.url + "/2/users/me").status_code == 401


@pytest.mark.parametrize("path", [RULES, "/2/tweets/search/stream"])
def test_a_wrong_bearer_token_is_refused(x: Server, path: str) -> None:
    answer = requests.get(x.url + path, headers={"Authorization": "Bearer no"}, timeout=60)
    assert answer.status_code == 401
    assert answer.json()["title"] == "Unauthorized"


def test_posting_needs_the_keys_of_a_user(x: Server) -> None:
    assert x.app.post(x.url + "/2/tweets", json={"text": "no"}).status_code == 403
    assert requests.post(x.url + "/2/media/upload", timeout=60).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("127.0.0.1:80", 200), ("evil.example", 421)]
)
def test_only_local_host_names_are_answered(x: Server, host: str, status: int) -> None:
    assert x.get("/_workshop/ready", headers={"Host": host}).status_code == status
