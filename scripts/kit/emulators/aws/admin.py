"""The admin API below /_workshop/, for the rest of the workshop and for the tests.

    /_workshop/outbox?after=3         the e-mails, without the first three
    /_workshop/calls                  how many calls are in CloudTrail's log, by operation
    /_workshop/authorize?access_key=KEY&action=ACTION&resource=ARN
                                      may a caller do something? Rekognition asks this
    /_workshop/refusals               denied calls: caller, action and resource
    /_workshop/instances/ID/latest/…  the metadata service of an instance
    /_workshop/faults                 POST a fault, DELETE ends all: see faults

All answers are JSON, except for some of the metadata, which are text.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.emulators.aws import auth, cloudtrail, ec2, sns
from kit.emulators.aws import faults as made

PREFIX = "/_workshop/"


async def outbox(request: Request) -> Response:
    """The e-mails, oldest first."""
    return JSONResponse(sns.outbox[int(request.query_params.get("after", 0)) :])


async def calls(_: Request) -> Response:
    """How often each operation was called."""
    return JSONResponse(cloudtrail.call_counts)


async def authorize(request: Request) -> Response:
    """Whether the policies of a caller allow an action."""
    query = request.query_params
    return JSONResponse(auth.may(query["access_key"], query["action"], query["resource"]))


async def refusals(_: Request) -> Response:
    """Denied calls, oldest first."""
    return JSONResponse(list(cloudtrail.denials))


async def faults(request: Request) -> Response:
    """Add a fault, or end all."""
    if request.method == "DELETE":
        made.faults.clear()
    else:
        try:
            made.faults.append(made.Fault(**await request.json()))
        except TypeError as error:  # such as a field that faults do not have
            raise ValueError(error) from error
    return JSONResponse({"faults": len(made.faults)})


def not_understood(_: Request, error: Exception) -> Response:
    """The answer to a question with a wrong or missing value."""
    return JSONResponse({"error": f"The question is not understood: {error}"}, 400)


def not_found(request: Request, error: Exception) -> Response:
    """The answer to a question of another name, or with another method."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"There is no {request.url.path} here."}, error.status_code)


ADMIN = Starlette(
    routes=[
        Route(f"{PREFIX}outbox", outbox),
        Route(f"{PREFIX}calls", calls),
        Route(f"{PREFIX}authorize", authorize),
        Route(f"{PREFIX}refusals", refusals),
        Route(
            f"{PREFIX}instances/{{instance_id}}/latest/{{path:path}}",
            ec2.metadata,
            methods=["GET", "PUT"],
        ),
        Route(f"{PREFIX}faults", faults, methods=["POST", "DELETE"]),
    ],
    exception_handlers={
        KeyError: not_understood,
        ValueError: not_understood,
        HTTPException: not_found,
    },
)


def with_admin(application: ASGIApp) -> ASGIApp:
    """Answer what is below /_workshop/, and pass on everything else."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (ADMIN if below else application)(scope, receive, send)

    return routed
