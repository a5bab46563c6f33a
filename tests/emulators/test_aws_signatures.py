"""Only who has a key of the emulated account is answered, and refused as AWS refuses it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from kit.emulators.system import OfflineSystem
from kit.keys import ACCOUNT, select
from kit.stack.stack import Stack
from support import aws_cli
from support.terminal import running_workshop

# Services by their protocol, an operation of each, and what they call an unknown key and a wrong
# signature: see the documents that kit/emulators/aws/signatures.py names.
QUERY = ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403)
JSON = ("UnrecognizedClientException", 400), ("InvalidSignatureException", 400)
REST = ("UnrecognizedClientException", 403), ("InvalidSignatureException", 403)
S3 = ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403)
SERVICES = {
    "cloudformation": ("list_stacks", QUERY),
    "dynamodb": ("list_tables", JSON),
    "firehose": ("list_delivery_streams", JSON),
    "iam": ("list_roles", QUERY),
    "lambda": ("list_functions", REST),
    "logs": ("describe_log_groups", JSON),
    "rekognition": ("detect_faces", JSON),
    "s3": ("list_buckets", S3),
    "secretsmanager": ("list_secrets", JSON),
    "sns": ("list_topics", QUERY),
    "sqs": ("list_queues", QUERY),
    "sts": ("get_caller_identity", QUERY),
}
WELL_KNOWN = ("test", "000000000000", "123456789012", "AKIAIOSFODNN7EXAMPLE", "minioadmin")


def call(system: OfflineSystem, service: str, key: str, secret: str) -> tuple[str, int]:
    """Call a service with a key; return the error's code and status."""
    client = boto3.client(
        service,
        endpoint_url=system.rekognition_url if service == "rekognition" else system.aws.url,
        region_name=system.aws.region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    parameters: dict[str, Any] = {"Image": {"Bytes": b"x"}} if service == "rekognition" else {}
    with pytest.raises(ClientError) as caught:
        getattr(client, SERVICES[service][0])(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_key_is_refused_in_the_service_s_words(
    system: OfflineSystem, service: str
) -> None:
    unknown, wrong = SERVICES[service][1]
    for key in WELL_KNOWN:
        assert call(system, service, key, "test") == unknown, key
    assert call(system, service, system.keys["AWS_ACCESS_KEY_ID"], "test") == wrong


@pytest.mark.parametrize(
    ("target", "path", "code"),
    [
        ("DynamoDB_20120810.ListTables", "/", "MissingAuthenticationTokenException"),
        ("", "/?Action=ListUsers", "MissingAuthenticationToken"),
        ("", "/2015-03-31/functions/", "MissingAuthenticationTokenException"),
        ("", "/bucket/key", "AccessDenied"),
    ],
)
def test_no_signature_is_refused(system: OfflineSystem, target: str, path: str, code: str) -> None:
    headers = {"X-Amz-Target": target} if target else {}
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = requests.request(method, system.aws.url + path, headers=headers, timeout=60)
        assert answer.status_code in (400, 403)
        assert code in answer.text, method


class UnsignedPayload(S3SigV4Auth):
    """As over TLS, where boto3 does not sign the body."""

    def _should_sha256_sign_payload(self, _: Any) -> bool:
        return False


SIGNERS = {"s3": S3SigV4Auth, "unsigned payload": UnsignedPayload}


def signed(
    system: OfflineSystem, method: str, path: str, body: bytes, service: str, **headers: str
) -> tuple[str, dict[str, str]]:
    """The address and headers of a request with the account's signature; see SIGNERS."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, system.aws.url + path, headers, body)
    account = Credentials(*(system.keys[name] for name in ACCOUNT))
    signer = SIGNERS.get(service, SigV4Auth)
    scope = "s3" if service in SIGNERS else service
    signer(account, scope, system.aws.region).add_auth(request)
    return str(request.url), dict(request.headers)


def test_what_is_signed_cannot_be_changed(system: OfflineSystem) -> None:
    list_tables = {"X_Amz_Target": "DynamoDB_20120810.ListTables"}
    url, headers = signed(system, "POST", "/", b"{}", "dynamodb", **list_tables)
    assert requests.post(url, b"{}", headers=headers, timeout=60).status_code == 200
    changes: tuple[tuple[str, bytes, dict[str, str]], ...] = (
        (url, b'{"Limit": 1}', {}),
        (url + "?a=b", b"{}", {}),
        (url, b"{}", {"X-Amz-Target": "DynamoDB_20120810.DescribeLimits"}),
        (url, b"{}", {"X-Amz-Date": "20260101T000000Z"}),
    )
    for address, body, more in changes:
        answer = requests.post(address, body, headers=headers | more, timeout=60)
        assert "InvalidSignatureException" in answer.text
    # A body that is not what the signed hash says; and one whose hash is not signed, as S3 allows.
    s3 = system.aws.client("s3")
    s3.create_bucket(
        Bucket="signed", CreateBucketConfiguration={"LocationConstraint": system.aws.region}
    )
    url, headers = signed(system, "PUT", "/signed/a", b"one", "s3")
    assert requests.put(url, b"two", headers=headers, timeout=60).status_code in (400, 403)
    url, headers = signed(system, "PUT", "/signed/a", b"", "unsigned payload")
    assert headers["X-Amz-Content-SHA256"] == "UNSIGNED-PAYLOAD"
    assert requests.put(url, b"three", headers=headers, timeout=60).status_code == 200
    assert s3.get_object(Bucket="signed", Key="a")["Body"].read() == b"three"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_links_hold_a_signature(system: OfflineSystem, version: str) -> None:
    s3 = system.aws.client("s3", Config(signature_version=version))
    bucket = f"links-{version}"
    system.aws.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": system.aws.region}
    )
    place = {"Bucket": bucket, "Key": "a b/ü+"}
    put = s3.generate_presigned_url("put_object", Params=place)
    assert requests.put(put, b"found", timeout=60).status_code == 200
    get = s3.generate_presigned_url("get_object", Params=place)
    assert requests.get(get, timeout=60).content == b"found"
    late = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=0)
    for url in (get.replace("ignature=", "ignature=0"), get.partition("?")[0], late):
        answer = requests.get(url, timeout=60)
        assert (answer.status_code, b"found" in answer.content) == (403, False), url
    assert requests.delete(get, timeout=60).status_code == 403
    # The link of one object leads to no other service.
    stolen = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
    assert "TableNames" not in requests.get(get, headers=stolen, timeout=60).text


def test_the_link_of_a_mail_needs_its_token_and_no_signature(system: OfflineSystem) -> None:
    sns = system.aws.client("sns")
    topic = sns.create_topic(Name="links")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="links@example.com")
    (mail,) = [mail for mail in system.aws.outbox() if mail["to"] == "links@example.com"]
    link = mail["body"].partition("Confirm subscription: ")[2].split()[0]

    def subscription() -> str:
        (found,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return str(found["SubscriptionArn"])

    for wrong in (link.replace(mail["token"], "x"), link.replace("Confirm", "List")):
        assert requests.get(wrong, timeout=60).status_code in (400, 403, 404)
    assert subscription() == "PendingConfirmation"
    assert requests.get(link, timeout=60).status_code == 200
    assert subscription().startswith(topic)


def test_the_code_of_a_function_has_a_signed_link(system: OfflineSystem, stack: Stack) -> None:
    functions, name = system.aws.client("lambda"), stack.resource("TwitterLambdaFunction")
    url = functions.get_function(FunctionName=name)["Code"]["Location"]
    assert requests.get(url, timeout=60).content.startswith(b"PK")
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["600"]
    bare = urlsplit(url)._replace(query="").geturl()
    for other in (bare, url.replace("Signature=", "Signature=0"), url.replace(name, "another")):
        assert requests.get(other, timeout=60).status_code == 403


def test_a_function_s_credentials_follow_from_nothing(system: OfflineSystem, stack: Stack) -> None:
    """ministack computes them from the ARN of the function and of its role."""
    code = "import os\ndef lambda_handler(event, context):\n    return dict(os.environ)\n"
    stack.replace_code("RekognitionLambdaFunction", code)
    functions, name = system.aws.client("lambda"), stack.resource("RekognitionLambdaFunction")
    answer = functions.invoke(FunctionName=name)["Payload"].read().decode()
    found = functions.get_function_configuration(FunctionName=name)
    digest = hashlib.sha256(f"{found['FunctionArn']}:{found['Role']}".encode()).hexdigest()
    guess = f"ASIA{digest[:16].upper()}"
    assert json.loads(answer)["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert guess not in answer
    assert call(system, "sts", guess, hashlib.sha256(f"secret:{digest}".encode()).hexdigest())
    for name, secret in system.keys.items():
        assert secret not in answer, name


def test_the_cli_finds_the_workshop_with_what_env_prints(
    system: OfflineSystem, tmp_path: Path
) -> None:
    variables = running_workshop(system).environment()
    (tmp_path / "a file").write_text("hello")

    def aws(*words: str) -> str:
        done = subprocess.run(
            ["aws", *words],
            env={"PATH": aws_cli.path(), "HOME": str(tmp_path), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert ":root" in aws("sts", "get-caller-identity")
    aws("s3", "mb", "s3://with-the-cli")
    aws("s3", "cp", "a file", "s3://with-the-cli/a file")
    assert aws("s3", "cp", "s3://with-the-cli/a file", "-") == "hello"
    link = aws("s3", "presign", "s3://with-the-cli/a file").strip()
    assert requests.get(link, timeout=60).text == "hello"
    assert "TableNames" in aws("dynamodb", "list-tables")
    assert select(variables, ACCOUNT) == select(system.keys, ACCOUNT)
