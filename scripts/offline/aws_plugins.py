"""What ministack, our emulated AWS, lacks for the workshop: plug-ins, and the process that runs it.

The plug-ins replace private functions of ministack, which is why its version is pinned. Each of
them does what the AWS documentation says where ministack answers but does nothing:

- an EC2 instance in a stack, and its role's credentials from the instance metadata service;
- e-mail subscriptions that wait for confirmation, and an outbox that keeps what was mailed;
- Firehose's buffer: records that arrive together become one object;
- Lambda's queue for asynchronous events, with a bounded number of invocations at once;
- what was on its way when the emulator ended, and a state that is saved while it runs;
- time for the last lines of a function's log, which come late on a busy computer;
- a line in that log when the function's code cannot be loaded, or takes too long;
- the handler of the root logger, through which `logging` reaches a function's log;
- a secret's ARN as what Ref gives, which a role's policy refers to;
- the roles' policies where ministack acts for a role: Lambda's logs and failures, and Firehose;
- the question whether a caller may do something, which the emulated Rekognition asks;
- how many calls are in CloudTrail's log, of which LookupEvents gives no more than 50;
- faults, made on purpose: see aws_faults.py;
- what was refused to whom, as AWS CloudTrail keeps it;
- the refusal of requests that come from web pages.
"""

from __future__ import annotations

import contextvars
import functools
import json
import logging
import os
import queue
import secrets
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ministack import app as gateway
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.persistence import PERSIST_STATE, STATE_DIR
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import cloudtrail, cloudwatch_logs, ec2, firehose, iam, lambda_svc, sns, sts
from ministack.services.cloudformation import provisioners

from offline import aws_faults
from offline.guard import Guard
from offline.processes import exit_with_parent

logger = logging.getLogger("workshop")

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

INVOCATIONS_AT_ONCE = 2  # per function; more make the laptop slower, not the workshop faster
LOG_SECONDS = {"first_line_wait": 0.25, "idle_confirm": 0.05, "hard_cap": 3.0}
# Runs first in a function's process. As on Lambda, there is a handler and the level is WARNING.
LOGGING = """
import logging, sys
logging.basicConfig(
    stream=sys.stderr, format="[%(levelname)s]\\t%(asctime)s.%(msecs)03dZ\\t%(message)s"
)
"""
FIREHOSE_SECONDS = 0.3  # what "no buffer", an interval of 0 seconds, takes here
SAVE_SECONDS = 5.0
FIREHOSE_BYTES = 1 << 20  # the unit of SizeInMBs
MAX_BODY = 64 << 20  # bytes of a request; the largest of the workshop are photos of 20 MB


def timestamp(later: float = 0.0) -> str:
    """The time in so many seconds, as AWS writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + later))


# --- What survives a restart, besides what ministack keeps itself --------------------------------

instances: dict[str, dict[str, str]] = {}  # instance ID → its role's credentials
outbox: list[dict[str, str]] = []  # every e-mail, oldest first
journal = Path(STATE_DIR) / "workshop.jsonl"


def remember(**change: Any) -> None:
    """Append a new instance or e-mail to the journal, if the state is to be kept."""
    if PERSIST_STATE:
        journal.parent.mkdir(exist_ok=True)
        with journal.open("a") as file:
            file.write(json.dumps(change) + "\n")


def recall() -> None:
    """Read the journal of earlier runs. Terminated instances do no harm in it."""
    lines = journal.read_text().splitlines() if PERSIST_STATE and journal.exists() else []
    for change in map(json.loads, lines):
        match change:
            case {"mail": mail}:
                outbox.append(mail)
            case {"instance": instance_id, "credentials": credentials}:
                instances[instance_id] = credentials
                register_session(credentials["Role"], instance_id, credentials)


# --- IAM: may a role do what a service does for it? --------------------------------------------

refusals: deque[dict[str, str]] = deque(maxlen=1000)  # who, action and resource, oldest first


def enforce(
    original: Callable[..., Any], key: str, action: str, *arguments: Any, **more: Any
) -> Any:
    """Ask ministack whether a request is allowed, and keep it if not."""
    answer = original(key, action, *arguments, **more)
    if isinstance(answer, iam_evaluator.EvalResult):
        resource = more.get("resource_arn", "*")
        refusals.append({"who": answer.principal_arn, "action": action, "resource": resource})
    return answer


def may(access_key: str, action: str, resource: str) -> dict[str, Any]:
    """Say whether the policies of a caller allow an action on a resource (an ARN or *)."""
    principal = iam_evaluator.resolve_principal(access_key, get_account_id())
    if isinstance(principal, iam_evaluator.AuthError):
        return {"allowed": False, "message": principal.message}
    if principal.policies is None:  # the account itself
        return {"allowed": True}
    question = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={},
        principal_keys=principal.keys,
    )
    answer = iam_evaluator.evaluate(question, principal.policies, *principal.limits)
    if answer.decision != "Allow":
        refusals.append({"who": principal.arn, "action": action, "resource": resource})
    text = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
    return {"allowed": answer.decision == "Allow", "message": text}


def new_session(role_arn: str, name: str) -> dict[str, str]:
    """Temporary credentials of a role, as STS makes them for a service."""
    role = role_arn.rpartition("/")[2]
    credentials = {
        "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
        "SecretAccessKey": secrets.token_hex(20),
        "Token": secrets.token_hex(),
    }
    register_session(role, name, credentials)
    return credentials


def register_session(role: str, name: str, credentials: dict[str, str]) -> None:
    """Let temporary credentials stand for a role."""
    sts.register_session(
        credentials["AccessKeyId"],
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{role}/{name}",
            "UserId": f"{role}:{name}",
            "SecretAccessKey": credentials["SecretAccessKey"],
            "SessionToken": credentials["Token"],
        },
    )


@functools.cache
def service_key(role_arn: str) -> str:
    """An access key with which to ask whether a role may do something."""
    return new_session(role_arn, "service")["AccessKeyId"]


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Say whether a role may do an action; if not, ministack's log says so."""
    answer = may(service_key(role_arn), action, resource)
    if not answer["allowed"]:
        logger.warning(answer["message"])
    return bool(answer["allowed"])


# --- EC2: the instance of the stack -----------------------------------------------------------


def create_instance(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, Any]:
    """Record an instance, with its role's credentials for the metadata service."""
    # ministack refers to a profile by its ARN, where AWS does so by its name.
    profile = properties.get("IamInstanceProfile", "").rpartition("/")[2]
    if profile not in iam._instance_profiles:
        raise ValueError(f"There is no instance profile {profile!r}")
    role = iam._instance_profiles[profile]["Roles"][0]
    role = role["RoleName"] if isinstance(role, dict) else role
    request = {
        "ImageId": properties.get("ImageId", ""),
        "InstanceType": properties.get("InstanceType", ""),
        "KeyName": properties.get("KeyName", ""),
        "UserData": properties.get("UserData", ""),
        "IamInstanceProfile.Name": profile,
    }
    for number, group in enumerate(properties.get("SecurityGroupIds", []), start=1):
        request[f"SecurityGroupId.{number}"] = group
    before = set(ec2._instances)
    status, _, body = ec2._run_instances({name: [value] for name, value in request.items()})
    if status != 200:
        raise ValueError(f"RunInstances failed: {body!r}")
    instance_id = next(name for name in ec2._instances if name not in before)
    instance = ec2._instances[instance_id]
    instances[instance_id] = new_session(role, instance_id) | {
        "Role": role,
        "Code": "Success",
        "Type": "AWS-HMAC",
    }
    remember(instance=instance_id, credentials=instances[instance_id])
    return instance_id, {
        "InstanceId": instance_id,
        "PrivateIp": instance.get("PrivateIpAddress", ""),
        "PublicIp": instance.get("PublicIpAddress", ""),
        "AvailabilityZone": f"{get_region()}a",
    }


def delete_instance(instance_id: str, properties: dict[str, Any]) -> None:
    """Terminate the instance."""
    ec2._terminate_instances({"InstanceId.1": [instance_id]})
    instances.pop(instance_id, None)


def metadata(method: str, path: str, headers: dict[bytes, bytes]) -> tuple[int, Any]:
    """Answer as an instance's metadata service (IMDSv2) does: HTTP status and text or JSON.

    Args:
        method: GET, or PUT for the token.
        path: /_workshop/instances/<instance ID>/latest/…, because every instance has its own.
        headers: of the request, in lower case.
    """
    instance_id, _, rest = path.removeprefix("/_workshop/instances/").partition("/latest/")
    if instance_id not in instances:
        return 404, ""
    if (method, rest) == ("PUT", "api/token"):
        return 200, instance_id
    if headers.get(b"x-aws-ec2-metadata-token") != instance_id.encode():
        return 401, ""  # version 1, without a token, is switched off in the template
    fresh = {"LastUpdated": timestamp(), "Expiration": timestamp(86_400)}
    credentials = instances[instance_id] | fresh
    credentials_path = "meta-data/iam/security-credentials/"
    return {
        "meta-data/instance-id": (200, instance_id),
        credentials_path: (200, credentials["Role"]),
        f"{credentials_path}{credentials['Role']}": (200, credentials),
    }.get(rest, (404, ""))


# --- Secrets Manager: what Ref gives ------------------------------------------------------------


def create_secret(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create a stack's secret; its Ref is the ARN, where ministack's is the name."""
    _, attributes = original(*arguments)
    return attributes["Arn"], attributes


def delete_secret(original: Callable[..., None], arn: str, *arguments: Any) -> None:
    """Delete a stack's secret; its ARN ends with the name, a dash and six random characters."""
    original(arn.rpartition(":")[2][:-7], *arguments)


# --- SNS: e-mail ------------------------------------------------------------------------------


def mail(to: str, subject: str, body: str, **more: str) -> None:
    """Keep one e-mail."""
    outbox.append({"to": to, "subject": subject, "body": body, "sent": timestamp(), **more})
    remember(mail=outbox[-1])


def ask_for_confirmation(subscription_arn: str) -> None:
    """Make an e-mail subscription wait for its confirmation, and mail the question."""
    topic = sns._topic_by_arn_any_scope(sns._sub_arn_to_topic[subscription_arn])
    subscription = next(s for s in topic["subscriptions"] if s["arn"] == subscription_arn)
    if subscription["protocol"] == "email":
        token = new_uuid()
        subscription |= {"confirmed": False, "token": token}
        subscription["attributes"]["PendingConfirmation"] = "true"
        mail(
            subscription["endpoint"],
            "AWS Notification - Subscription Confirmation",
            f"You have chosen to subscribe to the topic:\n{topic['arn']}\n\nConfirm subscription: "
            f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/?Action=ConfirmSubscription"
            f"&TopicArn={topic['arn']}&Token={token}",
            topic=topic["arn"],
            token=token,
        )


def create_subscription(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create a stack's subscription; AWS confirms none of these by itself."""
    arn, attributes = original(*arguments)
    ask_for_confirmation(arn)
    return arn, attributes


def subscribe(original: Callable[..., Any], params: dict[str, Any]) -> Any:
    """Subscribe, as the API does it; who has not confirmed yet is asked, also once more."""
    topic, endpoint = sns._p(params, "TopicArn"), sns._p(params, "Endpoint")

    def subscriptions() -> list[dict[str, Any]]:
        found = (sns._topic_by_arn_any_scope(topic) or {}).get("subscriptions", [])
        return [subscription for subscription in found if subscription["endpoint"] == endpoint]

    confirmed = [
        subscription["arn"] for subscription in subscriptions() if subscription["confirmed"]
    ]
    answer = original(params)
    for subscription in subscriptions():
        if subscription["arn"] not in confirmed:
            ask_for_confirmation(subscription["arn"])
    return answer


def fan_out(original: Callable[..., None], topic_arn: str, *arguments: Any, **more: Any) -> None:
    """Deliver a message as ministack does, and to the confirmed e-mail addresses as well."""
    original(topic_arn, *arguments, **more)
    _, message, subject = arguments[:3]
    for subscription in (sns._topic_by_arn_any_scope(topic_arn) or {}).get("subscriptions", []):
        if subscription["protocol"] == "email" and subscription["confirmed"]:
            mail(subscription["endpoint"], subject or "AWS Notification Message", message)


# --- Firehose: the buffer ---------------------------------------------------------------------

buffers: dict[str, list[bytes]] = defaultdict(list)
buffers_lock = threading.Lock()


def buffer_records(
    stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]
) -> None:
    """Keep the records until the stream's buffering hints say that it is time."""
    hints = destination["config"].get("BufferingHints", {})
    destination["records"].clear()  # ministack would keep a second copy for ever
    seconds = float(hints.get("IntervalInSeconds", 300)) or FIREHOSE_SECONDS
    flush = functools.partial(
        contextvars.copy_context().run, flush_records, stream, destination
    )  # a timer's thread would not know the account
    with buffers_lock:
        buffer = buffers[stream["arn"]]
        if not buffer:
            timer = threading.Timer(seconds, flush)
            timer.daemon = True
            timer.start()
        buffer += [data for _, data in records]
        full = sum(map(len, buffer)) >= float(hints.get("SizeInMBs", 5)) * FIREHOSE_BYTES
    if full:
        flush()


def flush_records(stream: dict[str, Any], destination: dict[str, Any]) -> None:
    """Write what the buffer holds as one object."""
    with buffers_lock:
        data = b"".join(buffers.pop(stream["arn"], []))
    config = destination["config"]
    if data and role_may(config["RoleARN"], "s3:PutObject", f"{config['BucketARN']}/firehose"):
        firehose._deliver_to_s3(stream, destination, data)


# --- Lambda: the queue of asynchronous events ---------------------------------------------------

Waiting = tuple[str, Any, int]  # the function's ARN, the event, how often it has failed

queues: dict[str, queue.Queue[Waiting]] = {}
queues_lock = threading.Lock()
unfinished: dict[int, Waiting] = {}  # what waits, runs, or is to be tried again


def invoke_later(function: dict[str, Any], event: Any, attempt: int = 0) -> None:
    """Queue an event for a function; start the function's workers with the first one."""
    waiting = (function["config"]["FunctionArn"], event, attempt)
    unfinished[id(waiting)] = waiting
    enqueue(waiting)


def enqueue(waiting: Waiting) -> None:
    """Queue an event that is noted as unfinished."""
    arn = waiting[0]
    with queues_lock:
        if arn not in queues:
            queues[arn] = queue.Queue()
            for _ in range(INVOCATIONS_AT_ONCE):
                context = contextvars.copy_context()
                arguments = (work_off, queues[arn])
                threading.Thread(target=context.run, args=arguments, daemon=True).start()
    queues[arn].put(waiting)


def work_off(events: queue.Queue[Waiting]) -> None:
    """Invoke a function for one event after the other, with the code that it has by then."""
    while True:
        waiting = events.get()
        try:
            work_on(*waiting)
        except Exception:  # of ministack; the other events have nothing to do with it
            logger.exception("An event could not be processed")
        del unfinished[id(waiting)]


def work_on(arn: str, event: Any, attempt: int) -> None:
    """Invoke a function; if it fails, try again later, or report it after the last try."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function:
        return  # deleted in the meantime, and its events with it
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function(record, event)
    if not result.get("error"):
        return
    invoke = function.get("event_invoke_config") or (
        function.get("event_invoke_configs") or {}
    ).get("$LATEST", {})
    if attempt < int(invoke.get("MaximumRetryAttempts", 2)):
        again = (arn, event, attempt + 1)
        unfinished[id(again)] = again
        # AWS waits one minute, then two; here it is the same with a shorter minute.
        pause = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * (attempt + 1)
        timer = threading.Timer(pause, contextvars.copy_context().run, (enqueue, again))
        timer.daemon = True
        timer.start()
        return
    target = invoke.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if target and role_may(config["Role"], "sqs:SendMessage", target):
        lambda_svc._route_async_failure(target, name, event, result)


def write_log(original: Callable[..., None], function: Any, *arguments: Any, **more: Any) -> None:
    """Write a function's log if its role may; ministack would also create the group for it."""
    config = function.get("config") or function
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    group = group or f"/aws/lambda/{config['FunctionName']}"
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
    needed = ("logs:CreateLogStream", "logs:PutLogEvents")
    if group in cloudwatch_logs._log_groups and all(
        role_may(config["Role"], action, arn) for action in needed
    ):
        original(function, *arguments, **more)


def run_warm(original: Callable[..., Any], *arguments: Any, **more: Any) -> dict[str, Any]:
    """Log what ends a function from outside: code that cannot be loaded, or its timeout."""
    result: dict[str, Any] = original(*arguments, **more)
    body = result.get("body")
    message = body.get("errorMessage", "") if isinstance(body, dict) else ""
    message = message.replace("Worker init failed", "the code cannot be loaded")
    log = result.get("log") or ""
    if result.get("error") and "Traceback" not in log:  # else the function itself raised an error
        result["log"] = f"{log.removesuffix(message)}\n[ERROR] {message}".lstrip()
    return result


# --- What is on its way when the emulator ends ------------------------------------------------

events_file = Path(STATE_DIR) / "events.json"


def save(original: Callable[..., None], services: Any) -> None:
    """Save the state as ministack does, and the events that are on their way with it."""
    original(services)
    partial = events_file.with_suffix(".part")
    partial.write_text(json.dumps(list(unfinished.values())))
    partial.replace(events_file)


def save_at_the_end(original: Callable[..., None], services: Any) -> None:
    """Save when the emulator is stopped in order: what Firehose still holds becomes objects."""
    for stream in list(firehose._streams.values()):
        for destination in stream["destinations"]:
            flush_records(stream, destination)
    save(original, services)


def load(original: Callable[[], None]) -> None:
    """Load the state as ministack does, and go on with what was on its way."""
    original()
    if PERSIST_STATE and events_file.exists():
        for arn, event, attempt in json.loads(events_file.read_text()):
            invoke_later({"config": {"FunctionArn": arn}}, event, attempt)


def save_now_and_then(original: Callable[..., None]) -> None:
    """Save every few seconds, so that a crash, or kill -9, costs no more than these."""
    while True:
        time.sleep(SAVE_SECONDS)
        save(original, gateway._build_persistence_save_dict())


# --- CloudTrail: what was called ----------------------------------------------------------------

calls: Counter[str] = Counter()  # by operation, while recording is switched on


def count_call(original: Callable[..., None], **event: Any) -> None:
    """Count a call, and write it into the log."""
    calls[event["event_name"]] += 1
    original(**event)


# --- HTTP: what the other parties ask -----------------------------------------------------------


def workshop_pages(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Add outbox, calls, authorize, refusals, instances/ and faults below /_workshop/."""

    async def application(scope: Scope, receive: Any, send: Send) -> None:
        path = scope.get("path", "")
        if not path.startswith("/_workshop/"):
            if scope["type"] == "http":
                # Nothing leaves this machine, so a request counts as sent over TLS: the buckets'
                # policies deny any other, as they should.
                headers = [*scope["headers"], (b"x-forwarded-proto", b"https")]
                scope = {**scope, "headers": headers}
            await original(scope, receive, send)
            return
        status: int = 200
        answer: Any = outbox
        query = dict(parse_qsl(scope["query_string"].decode()))
        if path == "/_workshop/outbox":
            answer = outbox[int(query.get("after", 0)) :]  # so many mails are known already
        elif path == "/_workshop/calls":
            answer = calls
        elif path == "/_workshop/authorize":
            answer = may(query["access_key"], query["action"], query["resource"])
        elif path == "/_workshop/refusals":
            answer = list(refusals)
        elif path.startswith("/_workshop/instances/"):
            status, answer = metadata(scope["method"], path, dict(scope["headers"]))
        elif path == "/_workshop/faults":
            status, answer = aws_faults.change(
                scope["method"], await aws_faults.whole_body(receive)
            )
        body = answer if isinstance(answer, str) else json.dumps(answer)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    return application


def install() -> None:
    """Put the plug-ins in."""
    recall()
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::EC2::Instance"] = {"create": create_instance, "delete": delete_instance}
    secret = handlers["AWS::SecretsManager::Secret"]
    secret["create"] = functools.partial(create_secret, secret["create"])
    secret["delete"] = functools.partial(delete_secret, secret["delete"])
    subscription = handlers["AWS::SNS::Subscription"]
    subscription["create"] = functools.partial(create_subscription, subscription["create"])
    sns._subscribe = functools.partial(subscribe, sns._subscribe)
    sns._fanout = functools.partial(fan_out, sns._fanout)
    cloudtrail.record_event = functools.partial(count_call, cloudtrail.record_event)
    firehose._deliver_records_to_s3 = buffer_records
    lambda_svc.invoke_async_with_retry = functools.partial(aws_faults.hold_events, invoke_later)
    lambda_svc._execute_function_warm = functools.partial(
        run_warm, lambda_svc._execute_function_warm
    )
    lambda_svc._emit_lambda_logs = functools.partial(write_log, lambda_svc._emit_lambda_logs)
    lambda_runtime._PYTHON_WORKER_SCRIPT = LOGGING + lambda_runtime._PYTHON_WORKER_SCRIPT
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(
        lambda_runtime.Worker._drain_stderr_bounded, **LOG_SECONDS
    )
    if PERSIST_STATE:
        threading.Thread(target=save_now_and_then, args=(gateway.save_all,), daemon=True).start()
    gateway.save_all = functools.partial(save_at_the_end, gateway.save_all)
    gateway._load_persisted_state = functools.partial(load, gateway._load_persisted_state)
    iam_evaluator.enforce = functools.partial(enforce, iam_evaluator.enforce)
    gateway.app = Guard(workshop_pages(aws_faults.with_faults(gateway.app)), MAX_BODY)


if __name__ == "__main__":
    exit_with_parent()
    install()
    gateway.main()
