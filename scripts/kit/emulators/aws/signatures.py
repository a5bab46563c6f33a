"""Signatures: a request passes only if it is signed with a key of the emulated account.

The keys are the account's own, which is random for each home, those of its IAM users, and the
temporary ones of its roles. ministack takes the key "test", no key, and any 12 digits for the
account's own, does not verify what these sign, and answers some paths without a signature. And it
computes a function's temporary credentials from the function's name.

Unsigned, as on AWS: objects that their bucket's policy makes public, the links in SNS's mails, and
where a custom resource answers. The latter two hold a random token.

AWS: IAM User Guide, "AWS Signature Version 4 for API requests"; S3 API Reference, "Authenticating
Requests (AWS Signature Version 4)" and "Error responses"; "Common Errors" in the API Reference of
each service: InvalidClientTokenId, SignatureDoesNotMatch and MissingAuthenticationToken, which
services with JSON call UnrecognizedClientException, InvalidSignatureException and
MissingAuthenticationTokenException.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from typing import Any
from urllib.parse import parse_qs

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack import app as ministack
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.iam_evaluator import (
    AuthError,
    CredentialResolutionError,
    ResolvedCredential,
    find_iam_access_key_account,
    resolve_credential,
)
from ministack.core.responses import (
    get_account_id,
    get_region,
    new_uuid,
    set_request_account_id,
)
from ministack.core.router import detect_service, extract_access_key_id
from ministack.services import lambda_svc, s3
from ministack.services.cloudformation import custom_resource
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.emulators.aws.asgi import replay
from kit.emulators.aws.auth import new_session
from kit.keys import ACCOUNT

CONTENT_HASH = b"x-amz-content-sha256"
READY = "/_ministack/ready"
ANSWERS = "/_ministack/cfn-response/"  # of custom resources
LINKS = ("ConfirmSubscription", "Unsubscribe")  # actions of SNS
LINK_PARAMETERS = {"Action", "TopicArn", "SubscriptionArn", "Token", "Version"}
# The headers of an unsigned request that count. Others could lead it to another service.
OPEN_HEADERS = {b"content-length", b"transfer-encoding", b"range"}
CODE_SECONDS = 600  # a link to a function's code: Lambda API Reference, "FunctionCodeLocation"
UNSIGNED = AuthError("MissingAuthenticationToken", "Request is missing Authentication Token")
# A link to S3 does not sign the headers; one of them could lead it to another service.
LED_ASTRAY = AuthError("SignatureDoesNotMatch", "Credential should be scoped to correct service.")


# --- Requests ----------------------------------------------------------------------------------


def with_signatures(application: ASGIApp) -> ASGIApp:
    """Pass on what is signed, and what needs no signature; refuse the rest as AWS does."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, send)
            return
        request = Request(scope, receive)
        if is_open(request):
            headers = [header for header in scope["headers"] if header[0] in OPEN_HEADERS]
            await application({**scope, "headers": headers}, receive, send)
            return
        try:
            failure, body = await check(request)
        except ClientDisconnect:
            return  # nobody waits for the answer
        if failure:
            await failure(scope, receive, send)
        else:
            await application(scope, replay(body, receive), send)

    return checked


async def check(request: Request) -> tuple[Response | None, bytes]:
    """Why AWS refuses a request, or None; and its body, if the key is one of the account's."""
    query, headers = query_of(request.scope), dict(request.headers)
    if error := key_error(extract_access_key_id(headers, query)):
        async for _ in request.stream():  # a client shows no answer that comes while it sends
            pass
        return refusal(request, error), b""
    body = await request.body()
    if iam_evaluator._s3_presigned_query(query):
        path = request.scope["path"]
        if detect_service(request.method, path, headers, query) != "s3":
            return refusal(request, LED_ASTRAY), body
        answer = s3._verify_presigned_sigv4(request.method, path, headers, query)
        return answer and Response(answer[2], answer[0], answer[1]), body
    error = signature_error(request.scope, hashlib.sha256(body).hexdigest(), body)
    return error and refusal(request, error), body


def query_of(scope: Scope) -> dict[str, list[str]]:
    """The parameters in the address of a request."""
    return parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)


def key_error(access_key: str) -> AuthError | None:
    """The error for no key, and for one that the account does not have; else its account is set."""
    if not access_key:
        return UNSIGNED
    set_request_account_id(find_iam_access_key_account(access_key) or access_key)
    found = resolve_credential(access_key)
    if isinstance(found, CredentialResolutionError):
        return AuthError(found.code, found.message)
    return None


def signature_error(scope: Scope, sha256: str, body: bytes = b"") -> AuthError | None:
    """Why a request is not signed by the key that it names, which has been checked.

    Args:
        scope: method, raw_path, query_string and headers of the request.
        sha256: of its body.
        body: itself; only one that is signed in chunks is needed.
    """
    headers = list(scope["headers"])
    signed_hash = next((v.decode("latin-1") for n, v in headers if n == CONTENT_HASH), "")
    if not signed_hash and dict(headers).get(b"authorization", b"").startswith(b"AWS4-"):
        headers.append((CONTENT_HASH, sha256.encode()))  # only requests to S3 say it themselves
    elif re.fullmatch(r"[0-9a-f]{64}", signed_hash) and signed_hash != sha256:
        return AuthError("SignatureDoesNotMatch", "The body is not the one that was signed.")
    path = scope["raw_path"].decode("latin-1")
    iam_evaluator.pin_signed_request(scope["method"], path, query_of(scope), headers)
    iam_evaluator.pin_signed_body(body)
    pinned = iam_evaluator._signed_request.get()
    if pinned is None:
        return UNSIGNED
    found = iam_evaluator.authenticate(pinned.access_key_id, get_account_id())
    return None if isinstance(found, ResolvedCredential) else found or UNSIGNED


def refusal(request: Request, error: AuthError) -> Response:
    """An error in the words and the format of the service that the request is for."""
    headers, query = dict(request.headers), query_of(request.scope)
    service = detect_service(request.method, request.scope["path"], headers, query)
    status, more, body = ministack._credential_failure(service, "", new_uuid(), error, headers)
    return Response(b"" if request.method == "HEAD" else body, status, more)


# --- What needs no signature -------------------------------------------------------------------


def is_open(request: Request) -> bool:
    """Whether a request needs no signature, and has none."""
    method, path, query = request.method, request.scope["path"], query_of(request.scope)
    if iam_evaluator._signature_attempted(request.headers.get("authorization", ""), query):
        return False
    if method == "PUT":
        return path.removeprefix(ANSWERS) in custom_resource._pending
    if method not in ("GET", "HEAD"):
        return False
    if path == "/":
        return query.get("Action", [""])[0] in LINKS and query.keys() <= LINK_PARAMETERS
    return path == READY or (query.keys() <= {"versionId"} and is_object(path))


def is_object(path: str) -> bool:
    """Whether a path is that of an object; S3 asks the policy of its bucket who may read it."""
    bucket, _, key = path.lstrip("/").partition("/")
    return bool(key) and s3._bucket_owner_account(bucket) is not None


# --- Keys --------------------------------------------------------------------------------------


def is_account_s_key(access_key: str) -> bool:
    """Whether an access key is the account's own; none is that of an open request."""
    return access_key in ("", os.environ[ACCOUNT[0]])


@functools.cache
def function_session(role_arn: str, name: str) -> dict[str, str]:
    """Temporary credentials of a function's role, as its environment has them."""
    session = new_session(role_arn, name)
    return {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["Token"],
    }


def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
    """The credentials of a function, which follow from nothing."""
    return function_session(config["Role"], config["FunctionName"])


def code_url(function: str) -> str:
    """A link to a function's code, signed as S3 signs links; ministack's is not."""
    path = f"/_ministack/lambda-code/{get_account_id()}/{get_region()}/{function}"
    link = AWSRequest("GET", f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}{path}")
    account = Credentials(*(os.environ[name] for name in ACCOUNT))
    S3SigV4QueryAuth(account, "s3", get_region(), expires=CODE_SECONDS).add_auth(link)
    return str(link.url)


def install() -> None:
    """Let only these keys count, and let ministack believe what has been verified here."""
    iam_evaluator.is_root_access_key = is_account_s_key
    iam_evaluator._is_root_key = lambda key: not key  # so that the account's signature counts, too
    ministack.pin_signed_request = lambda *_: None
    lambda_runtime.execution_credentials = execution_credentials
    lambda_svc.execution_credentials = execution_credentials
    lambda_svc._presigned_code_url = code_url
