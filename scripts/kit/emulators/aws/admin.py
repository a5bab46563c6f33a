"""The admin API below /_workshop/, for the rest of the workshop and for the tests.

It wants the workshop's token: `Authorization: Bearer …`, except for the metadata service, whose
address holds a key of its own.

    /_workshop/outbox?after=3         the e-mails, without the first three
    /_workshop/changes                numbers that differ from the last ones when something may have
                                      happened: see changes
    /_workshop/calls                  how many calls are in CloudTrail's log, by operation;
                                      POST {"record": true} lets it record
    /_workshop/authenticate           POST {"method", "path", "query", "headers", "sha256"}: is
                                      this request signed? Rekognition asks this
    /_workshop/authorize?access_key=KEY&action=ACTION&resource=ARN
                                      may a caller do something? Rekognition asks this, too
    /_workshop/accounts               POST {"account": "111111111111"}: credentials of somebody
                                      else, in an account with nothing in it
    /_workshop/saving                 why the state could not be saved; empty if it was
    /_workshop/refusals               denied calls: caller, action and resource
    /_workshop/invocations?after=3    Lambda's invocations that have changed since change 3;
                                      DELETE /_workshop/invocations/ID stops one that runs
    /_workshop/instances/ID/KEY/latest/…
                                      the metadata service of an instance
    /_workshop/faults                 POST a fault, DELETE ends all: see faults

All answers are JSON, except for some of the metadata, which are text.
"""

from __future__ import annotations

from ministack.core import iam_actions
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.emulators.aws import (
    auth,
    changes,
    cloudtrail,
    ec2,
    lambda_invocations,
    signatures,
    sns,
    store,
)
from kit.emulators.aws import faults as made
from kit.http import ADMIN as PREFIX
from kit.http import TokenGuard

INSTANCES = f"{PREFIX}instances/"  # of which each has a key of its own


async def outbox(request: Request) -> Response:
    """The e-mails, oldest first."""
    return JSONResponse(sns.outbox[int(request.query_params.get("after", 0)) :])


async def what_changed(_: Request) -> Response:
    """How much has happened so far."""
    return JSONResponse([*changes.so_far(), int(bool(store.saver.problem))])


async def calls(request: Request) -> Response:
    """How often each operation was called; POST switches the recording on or off."""
    if request.method == "POST":
        cloudtrail.record((await request.json())["record"])
    return JSONResponse(cloudtrail.call_counts)


async def authenticate(request: Request) -> Response:
    """The error of a request that Rekognition got and that is not signed; null if it is."""
    asked = await request.json()
    scope = {
        "method": asked["method"],
        "raw_path": asked["path"].encode(),
        "query_string": asked["query"].encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in asked["headers"]],
    }
    error = signatures.key_error(asked["access_key"])
    error = error or signatures.signature_error(scope, asked["sha256"])
    if error is None:
        return JSONResponse(None)
    as_json = {"x-amz-target": asked["method"]}  # any: the format of the error depends on it
    code, status, message = iam_actions._auth_failure(
        "rekognition", error.code, error.message, as_json
    )
    return JSONResponse({"code": code, "status": status, "message": message})


async def authorize(request: Request) -> Response:
    """Whether the policies of a caller allow an action."""
    query = request.query_params
    return JSONResponse(auth.may(query["access_key"], query["action"], query["resource"]))


async def accounts(request: Request) -> Response:
    """Temporary credentials of another account's owner."""
    account = (await request.json())["account"]
    return JSONResponse(auth.new_session_of(f"arn:aws:iam::{account}:root", account))


async def saving(_: Request) -> Response:
    """Why the state could not be saved the last time."""
    return JSONResponse({"problem": store.saver.problem})


async def refusals(_: Request) -> Response:
    """Denied calls, oldest first."""
    return JSONResponse(list(cloudtrail.denials))


async def changed_invocations(request: Request) -> Response:
    """Lambda's invocations that have changed since, and the number of the last change."""
    last = lambda_invocations.invocations.changes
    found = lambda_invocations.invocations.after(int(request.query_params.get("after", 0)))
    return JSONResponse({"change": last, "invocations": found})


async def stop_invocation(request: Request) -> Response:
    """Stop an invocation; false if it does not run."""
    stopped = lambda_invocations.invocations.stop(request.path_params["identity"])
    return JSONResponse({"stopped": stopped})


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
        Route(f"{PREFIX}changes", what_changed),
        Route(f"{PREFIX}calls", calls, methods=["GET", "POST"]),
        Route(f"{PREFIX}authenticate", authenticate, methods=["POST"]),
        Route(f"{PREFIX}authorize", authorize),
        Route(f"{PREFIX}accounts", accounts, methods=["POST"]),
        Route(f"{PREFIX}saving", saving),
        Route(f"{PREFIX}refusals", refusals),
        Route(f"{PREFIX}invocations", changed_invocations),
        Route(f"{PREFIX}invocations/{{identity}}", stop_invocation, methods=["DELETE"]),
        Route(
            f"{INSTANCES}{{instance_id}}/{{key}}/latest/{{path:path}}",
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
    admin = TokenGuard(ADMIN, auth.workshop_token, public=INSTANCES)

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (admin if below else application)(scope, receive, send)

    return routed
