"""The keys that a request has to show. X has two kinds of requests.

Those of the app listen and search; their bearer token stands for the app, which gets it for its
consumer key and secret. Those of a user post; the consumer key and the user's token are in the
Authorization header, as OAuth 1.0a has it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import urllib.parse

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kit.emulators.x.errors import UNSUPPORTED_AUTHENTICATION, Problem


class Auth:
    """Compares the keys of a request with those of the learner.

    Args:
        keys: by their names in the environment; one that is missing is not checked.
    """

    def __init__(self, keys: dict[str, str]) -> None:
        self.keys = keys
        # Made of the consumer's keys, if there are any: it is the same after a restart, as X's is.
        pair = (keys.get(name) for name in ("TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET"))
        seed = "".join(key or secrets.token_urlsafe(48) for key in pair)
        made = hashlib.sha256(f"bearer {seed}".encode()).hexdigest()
        self.bearer = keys.get("TWITTER_BEARER_TOKEN") or made

    async def token(self, request: Request) -> Response:
        """POST /oauth2/token: change the consumer key and secret into the bearer token."""
        try:
            encoded = request.headers.get("authorization", "").removeprefix("Basic ")
            key, _, secret = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            key = secret = ""
        grant = urllib.parse.parse_qs((await request.body()).decode(errors="replace"))
        if grant.get("grant_type") != ["client_credentials"] or not (
            self.is_key("TWITTER_CONSUMER_KEY", urllib.parse.unquote(key))
            and self.is_key("TWITTER_CONSUMER_SECRET", urllib.parse.unquote(secret))
        ):
            message = "Unable to verify your credentials"
            error = {"code": 99, "message": message, "label": "authenticity_token_error"}
            return JSONResponse({"errors": [error]}, 403)
        return JSONResponse({"token_type": "bearer", "access_token": self.bearer})

    def check_app(self, request: Request) -> None:
        """Let only the bearer token pass.

        Raises:
            Problem: 401.
        """
        header = request.headers.get("authorization", "")
        if not secrets.compare_digest(header.encode(), f"Bearer {self.bearer}".encode()):
            raise Problem(401)

    def check_user(self, request: Request) -> None:
        """Let only the OAuth 1.0a keys of the user pass.

        The signature is not verified: clients sign for https://api.twitter.com, whose requests
        are redirected to here.

        Raises:
            Problem: 401; 403 for the bearer token.
        """
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            self.check_app(request)
            raise Problem(403, **UNSUPPORTED_AUTHENTICATION)
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        consumer, token = (
            urllib.parse.unquote(pairs.get(name, ""))
            for name in ("oauth_consumer_key", "oauth_token")
        )
        if scheme != "OAuth" or not (
            self.is_key("TWITTER_CONSUMER_KEY", consumer) and self.is_key("TWITTER_TOKEN", token)
        ):
            raise Problem(401)

    def is_key(self, name: str, value: str) -> bool:
        """Compare a credential; the time this takes does not tell how much of it was right."""
        expected = self.keys.get(name)
        return bool(value) and (
            expected is None or secrets.compare_digest(value.encode(), expected.encode())
        )
