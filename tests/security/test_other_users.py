"""Another user of the computer gets into no server and reads no file of a workshop.

The requests are made by a process of that user, which has nothing but Python's own library.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.keys import ACCOUNT, PAGE_TOKEN
from kit.processes import ManagedProcess
from kit.running import FILE, FOLDER
from kit.stack.stack import Stack
from support.skips import ANOTHER_USER
from support.terminal import running_workshop

pytestmark = pytest.mark.another_user

# Runs as the other user: sends requests, opens files, and tells what came of each.
STRANGER = """
import json, os, pwd, sys, urllib.error, urllib.request
"".encode("latin-1"), "a".encode("idna")  # what Python imports later, it could not read any more
task = json.load(sys.stdin)
stranger = pwd.getpwnam(sys.argv[1])
os.setgroups([])
os.setgid(stranger.pw_gid)
os.setuid(stranger.pw_uid)
os.chdir("/")
try:
    os.setuid(0)
    sys.exit("still the owner")
except PermissionError:
    pass
answers, readable = [], []
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for method, url, headers, body in task["requests"]:
    data = body.encode("latin-1") if body or method in ("POST", "PUT") else None
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with opener.open(request, timeout=60) as answer:
            answers.append([answer.status, answer.read(2000).decode("latin-1")])
    except urllib.error.HTTPError as error:
        answers.append([error.code, error.read(2000).decode("latin-1")])
for path in task["paths"]:
    try:
        readable.append([path, os.listdir(path) if os.path.isdir(path) else open(path).read(50)])
    except OSError:
        pass
lines = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ"):
        try:
            lines.append(open(f"/proc/{pid}/{name}").read())
        except OSError:
            pass
json.dump({"answers": answers, "readable": readable, "processes": lines}, sys.stdout)
"""
KEYS = {
    "ministack, localstack": ("test", "test"),
    "an account of ministack": ("000000000000", "test"),
    "AWS's documents": ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    "localstack": ("LKIAQAAAAAAAAAAAAAAA", "test"),
    "minio": ("minioadmin", "minioadmin"),
    "moto": ("testing", "testing"),
    "dynamodb-local": ("fakeMyKeyId", "fakeSecretAccessKey"),
}
Request = tuple[str, str, dict[str, str], str]


def stranger(requests: list[Request], paths: list[Path] | None = None) -> dict[str, Any]:
    """Let the other user try this; see STRANGER."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, ANOTHER_USER],
        input=json.dumps({"requests": requests, "paths": [str(path) for path in paths or []]}),
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def signed(url: str, keys: tuple[str, str], service: str, operation: str, **more: Any) -> Request:
    """The request that boto3 makes of a call."""
    client = boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(retries={"total_max_attempts": 1}),
    )
    made: list[Any] = []

    def catch(request: Any, **_: Any) -> AWSResponse:
        made.append(request)
        return AWSResponse(request.url, 500, {}, io.BytesIO())

    client.meta.events.register("before-send", catch)
    with contextlib.suppress(Exception):
        getattr(client, operation)(**more)
    (request,) = made
    headers = {n: v.decode() if isinstance(v, bytes) else v for n, v in request.headers.items()}
    body = request.body or b""
    text = body if isinstance(body, str) else bytes(body).decode("latin-1")
    return request.method, request.url, headers, text


@pytest.fixture(scope="module")
def workshop(system: OfflineSystem, stack: Stack) -> Iterator[ManagedProcess]:
    """A stack, its instance, and the page."""
    instance.boot(system.folder, stack)
    running_workshop(system, f"http://127.0.0.1:{system.ports['page']}").save()
    page = system.start("kit.page", {"WORKSHOP_FOLDER": str(FOLDER)})
    page.wait_until_ready(f"http://127.0.0.1:{system.ports['page']}/_workshop/ready")
    yield page
    page.stop()
    FILE.unlink()


def urls(system: OfflineSystem) -> dict[str, str]:
    return {name: f"http://127.0.0.1:{port}" for name, port in system.ports.items()}


def code() -> bytes:
    """A function that reads what only the owner of the workshop may."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def f(*_):\n    return open('/etc/shadow').read()\n")
    return archive.getvalue()


def test_nobody_else_creates_a_function(system: OfflineSystem, stack: Stack) -> None:
    """What could be done with the key "test", and read /etc/shadow as the workshop's owner."""
    role = system.aws.client("iam").get_role(RoleName=stack.resource("TwitterLambdaRole"))
    function: dict[str, Any] = {
        "FunctionName": "stranger-s",
        "Runtime": "python3.13",
        "Handler": "index.f",
        "Role": role["Role"]["Arn"],
        "Code": {"ZipFile": code()},
    }
    own = system.keys["AWS_ACCESS_KEY_ID"]  # an access key ID is no secret
    names = stack.resource("TwitterLambdaFunction")
    for keys in (*KEYS.values(), (own, "test"), (own, "")):
        requests = [
            signed(system.aws.url, keys, "lambda", "create_function", **function),
            signed(system.aws.url, keys, "lambda", "invoke", FunctionName=names),
            signed(system.aws.url, keys, "sts", "get_caller_identity"),
            signed(system.aws.url, keys, "s3", "list_buckets"),
            signed(system.aws.url, keys, "secretsmanager", "list_secrets"),
            signed(
                system.rekognition_url,
                keys,
                "rekognition",
                "detect_faces",
                Image={"Bytes": b"x"},
            ),
        ]
        statuses = [status for status, _ in stranger(requests)["answers"]]
        assert set(statuses) <= {400, 403}, (keys, statuses)
    listed = system.aws.client("lambda").list_functions()["Functions"]
    assert "stranger-s" not in [found["FunctionName"] for found in listed]


def routes(system: OfflineSystem, stack: Stack) -> list[Request]:
    """Every route of each server, and those of ministack that want no signature there."""
    instance_id = stack.resource("StreamingInstance")
    name = stack.resource("TwitterLambdaFunction")
    lambda_code = f"/_ministack/lambda-code/000000000000/{system.aws.region}/{name}"
    bucket = stack.resource("TwitterBucket")
    admin = [
        *("outbox", "calls", "refusals", "faults", "stats", "posts", "comparisons", "accounts"),
        *("invocations", "invocations/x"),
        *("authorize?access_key=test&action=s3:*&resource=*", "authenticate"),
    ]
    metadata = f"instances/{instance_id}/latest/api/token"
    paths = {
        "aws": [
            *("/", "/health", "/_ministack/health", "/_ministack/reset", "/_ministack/config"),
            *("/_localstack/health", "/_ministack/sqs/messages", "/_ministack/ses/messages"),
            *("/_ministack/sns/sms-messages", "/_ministack/cfn-response/x", lambda_code),
            *("/_ministack/cfn-signal/x", "/_ministack/rds/iam-auth", "/_ministack/eks-auth/x"),
            *("/2015-03-31/functions/", f"/2015-03-31/functions/{name}/invocations"),
            *("/?Action=GetCallerIdentity", "/?Action=ListRoles", "/?Action=Publish"),
            *(f"/{bucket}", f"/{bucket}/firehose/x", f"/{bucket}?policy", "/new-bucket"),
            *("/_aws/lambda-url/x/", "/_aws/execute-api/x/y", "/restapis/x", "/oauth2/token"),
            *("/iceberg/v1/config", "/v2/_catalog", "/v20180820/mrap/instances"),
            f"/_workshop/{metadata}",
            f"/_workshop/instances/{instance_id}/{instance_id}/latest/api/token",
            f"/_workshop/instances/{instance_id}/x/latest/meta-data/iam/security-credentials/",
        ],
        "x": [
            *("/2/users/me", "/2/tweets", "/2/media/upload", "/2/tweets/search/recent?query=x"),
            *("/2/tweets/search/stream", "/2/tweets/search/stream/rules", "/oauth2/token"),
            *("/media/x.jpg", "/media/..%2fjournal.jsonl"),
        ],
        "rekognition": ["/"],
        "page": [
            *("/", "/page.js", "/constants.js", "/state", "/stages/X", "/reference", "/posts"),
            *("/photos", "/photos/3_1", "/samples/obama.jpg", "/mails/1/confirm", "/?token=test"),
            *("/steps/images/seen", "/exercise", "/exercise/deployed", "/exercise/hints"),
            *(
                "/exercise/solution",
                "/exercise/save",
                "/exercise/deploy",
                "/exercise/test",
                "/exercise/check",
            ),
            *(
                "/exercise/check/stop",
                "/invocations/stop",
                "/ace/ace.js",
                "/steps",
                "/queue/redrive",
            ),
            *("/stack", "/stack/form", "/stack/left", "/stack/contents", "/streamer"),
            *("/stack/create", "/stack/update", "/stack/delete"),
            *("/streamer/start", "/streamer/stop"),
        ],
    }
    shown: dict[str, dict[str, str]] = {
        "nothing": {},
        "an empty token": {"Authorization": "Bearer "},
        "another token": {"Authorization": "Bearer test"},
        "an empty signature": {"Authorization": "AWS4-HMAC-SHA256 Credential=, Signature="},
        "no algorithm": {"Authorization": "AWS test:test"},
        "a target": {"X-Amz-Target": "DynamoDB_20120810.ListTables"},
        "the page": {"Cookie": f"workshop-{system.ports['page']}="},
    }
    return [
        (method, urls(system)[server] + path, headers, "{}" if method in ("POST", "PUT") else "")
        for server, some in paths.items()
        for path in (*some, *(f"/_workshop/{page}" for page in admin))
        for method in ("GET", "POST", "PUT", "DELETE")
        for headers in shown.values()
    ]


@pytest.mark.usefixtures("workshop")
def test_every_route_of_every_server_is_shut(system: OfflineSystem, stack: Stack) -> None:
    def buckets() -> list[str]:
        """Those of the stack, and that which the stranger creates; other tests have more."""
        listed = system.aws.client("s3").list_buckets()["Buckets"]
        ours = (stack.name, "new-bucket")
        return [bucket["Name"] for bucket in listed if bucket["Name"].startswith(ours)]

    before = buckets()
    tried = routes(system, stack)
    assert len(tried) > 2000
    answers = stranger(tried)["answers"]
    let_in = [
        (method, url, headers, status)
        for (method, url, headers, _), (status, _) in zip(tried, answers, strict=True)
        if not 400 <= status < 500
    ]
    assert let_in == []
    assert buckets() == before
    secrets = set(system.keys.values())
    assert not [text for _, text in answers if any(secret in text for secret in secrets)]


@pytest.mark.usefixtures("workshop")
def test_no_file_can_be_read_and_no_process_shows_a_key(system: OfflineSystem) -> None:
    folders = [FOLDER, system.folder]
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(paths) > 20
    found = stranger([], paths)
    assert found["readable"] == []
    assert len(found["processes"]) > 5
    text = "".join(found["processes"])
    for name in (*ACCOUNT, PAGE_TOKEN, *system.keys):
        assert system.keys[name] not in text, name
    loose = [path for path in FOLDER.rglob("*") if path.lstat().st_mode & 0o077]
    assert loose == []


@pytest.mark.usefixtures("workshop")
def test_another_site_does_not_get_in_with_the_learner_s_cookie(system: OfflineSystem) -> None:
    """A page of another user's server, in the learner's browser, which sends the cookie along."""
    page = f"http://127.0.0.1:{system.ports['page']}"
    cookie = {"Cookie": f"workshop-{system.ports['page']}={system.keys[PAGE_TOKEN]}"}
    ways: list[dict[str, str]] = [
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ]
    tried: list[Request] = [
        (method, page + path, cookie | way, "{}" if method == "POST" else "")
        for way in ways
        for method, path in (("POST", "/posts"), ("GET", "/state"), ("POST", "/reference"))
    ]
    assert {status for status, _ in stranger(tried)["answers"]} == {403}
    same = {"Origin": page, "Sec-Fetch-Site": "same-origin"}
    ((status, _),) = stranger([("GET", f"{page}/page.js", cookie | same, "")])["answers"]
    assert status == 200
