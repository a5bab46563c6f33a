"""Errors, in X's words: https://docs.x.com/x-api/fundamentals/response-codes-and-errors.

What is not there is as users have reported it: 409 in tweepy#1934, 429 in tweepy#1962.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException

PROBLEM_TYPE = "https://api.twitter.com/2/problems/"

INVALID_REQUEST = {
    "title": "Invalid Request",
    "detail": "One or more parameters to your request was invalid.",
    "type": PROBLEM_TYPE + "invalid-request",
}
UNSUPPORTED_AUTHENTICATION = {
    "title": "Unsupported Authentication",
    "detail": "Authenticating with OAuth 2.0 Application-Only is forbidden for this "
    "endpoint.  Supported authentication types are [OAuth 1.0a User Context, "
    "OAuth 2.0 User Context].",
    "type": PROBLEM_TYPE + "unsupported-authentication",
}
# Its status is not documented, nor its detail; clients look for the title.
RULES_CAP_EXCEEDED = {
    "title": "RulesCapExceeded",
    "detail": "You have exceeded the maximum number of rules.",
    "type": PROBLEM_TYPE + "rule-cap",
}
# X's answers when it refuses a connection to the stream, by status.
STREAM_PROBLEMS: dict[int, dict[str, str]] = {
    402: {
        "title": "CreditsDepleted",
        "detail": "Your enrolled account [1] does not have any credits to fulfill this request.",
        "type": PROBLEM_TYPE + "credits",
    },
    403: {
        "title": "Client Forbidden",
        "detail": "You must use keys and tokens from an X developer App with access to this API.",
        "type": PROBLEM_TYPE + "client-forbidden",
    },
    409: {
        "title": "ConnectionException",
        "detail": "You must define rules using the POST /2/tweets/search/stream/rules endpoint "
        "before connecting to filtered stream.",
        "connection_issue": "RuleConfigurationIssue",
        "type": PROBLEM_TYPE + "streaming-connection",
    },
    429: {
        "title": "ConnectionException",
        "detail": "This stream is currently at the maximum allowed connection limit.",
        "connection_issue": "TooManyConnections",
        "type": PROBLEM_TYPE + "streaming-connection",
    },
}


class Problem(HTTPException):
    """An error as X answers it: a status, and JSON with title, type and detail."""

    def __init__(self, status: int, **fields: Any) -> None:
        """Fill in what `fields` leaves out with HTTP's phrase for the status."""
        phrase = HTTPStatus(status).phrase
        super().__init__(status, phrase)
        self.body = {"title": phrase, "type": "about:blank", "status": status, "detail": phrase}
        if fields.get("connection_issue"):  # these have no status in them
            del self.body["status"]
        self.body |= fields


def problem_of(error: HTTPException) -> Problem:
    """The same error in X's words; those of starlette become X's here."""
    return error if isinstance(error, Problem) else Problem(error.status_code)
