"""SNS: e-mail subscriptions that wait for confirmation, the mail that is sent to them, its limits.

No e-mail leaves this computer, the outbox keeps each one. ministack confirms e-mail subscriptions
by itself, takes every subject, and its SNS keeps no message that one could read
(https://github.com/ministackorg/ministack/pull/1682 would keep the SMS).

More than ten mails a second to one address suspend its subscription: it waits for confirmation
again, and the mails in between are lost. `faults` raises that limit for tests.

AWS: SNS API Reference, "Subscribe", "ConfirmSubscription", "ListSubscriptionsByTopic" and
"Publish", whose older edition and the Developer Guide want a subject in ASCII, and whose newest
takes UTF-8: the strict one is held here; SNS Developer Guide, "Email subscription setup and
management"; CloudFormation Template Reference Guide, "AWS::SNS::Subscription".
"""

from __future__ import annotations

import functools
import os
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import sns

from kit.emulators.aws import cloudformation, faults, store

Operation = Callable[[dict[str, Any]], Any]  # of ministack's SNS

# Printable ASCII, no space in front, less than 100 characters.
SUBJECT = re.compile(r"[!-~][ -~]{0,98}")
MAILS_PER_SECOND = 10  # to one address; more suspend its subscription
PENDING = "PendingConfirmation"  # the ARN of a subscription that waits

outbox: list[dict[str, str]] = []  # every e-mail, oldest first
recent: dict[str, deque[float]] = defaultdict(deque)  # ARN → when, in the last second, mail went
recent_lock = threading.Lock()


def mail(to: str, subject: str, body: str, **more: str) -> None:
    """Put an e-mail into the outbox."""
    sent = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    outbox.append({"to": to, "subject": subject, "body": body, "sent": sent, **more})
    store.append(mail=outbox[-1])


# --- Subscriptions -----------------------------------------------------------------------------


def suspend(subscription: dict[str, Any]) -> None:
    """Let a subscription wait for its confirmation."""
    subscription |= {"confirmed": False, "token": new_uuid()}
    subscription["attributes"][PENDING] = "true"
    recent.pop(subscription["arn"], None)


def ask_for_confirmation(subscription_arn: str) -> None:
    """Make an e-mail subscription wait for its confirmation, and mail the question."""
    topic = sns._topic_by_arn_any_scope(sns._sub_arn_to_topic[subscription_arn])
    subscription = next(s for s in topic["subscriptions"] if s["arn"] == subscription_arn)
    if subscription["protocol"] == "email":
        suspend(subscription)
        mail(
            subscription["endpoint"],
            "AWS Notification - Subscription Confirmation",
            f"You have chosen to subscribe to the topic:\n{topic['arn']}\n\nConfirm subscription: "
            f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/?Action=ConfirmSubscription"
            f"&TopicArn={topic['arn']}&Token={subscription['token']}",
            topic=topic["arn"],
            token=subscription["token"],
        )


def create_subscription(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create a stack's subscription; AWS confirms none of these by itself."""
    arn, attributes = original(*arguments)
    ask_for_confirmation(arn)
    return arn, attributes


def update_subscription(original: Callable[..., Any], arn: str, *arguments: Any) -> Any:
    """Update a stack's subscription; another address is a new one, which is asked."""
    new_arn, attributes = original(arn, *arguments)
    if new_arn != arn:
        ask_for_confirmation(new_arn)
    return new_arn, attributes


def subscribe(original: Operation, params: dict[str, Any]) -> Any:
    """Subscribe as the API does; unconfirmed endpoints get the confirmation mail again."""
    topic, endpoint = sns._p(params, "TopicArn"), sns._p(params, "Endpoint")

    def subscriptions() -> list[dict[str, Any]]:
        return [s for s in subscriptions_of(topic) if s["endpoint"] == endpoint]

    confirmed = {s["arn"] for s in subscriptions() if s["confirmed"]}
    status, headers, body = original(params)
    for subscription in subscriptions():
        if subscription["arn"] not in confirmed:
            ask_for_confirmation(subscription["arn"])
            if sns._p(params, "ReturnSubscriptionArn") != "true":
                body = body.replace(subscription["arn"].encode(), b"pending confirmation")
    return status, headers, body


def list_subscriptions(original: Operation, params: dict[str, Any]) -> Any:
    """List subscriptions; those that wait for their confirmation have no ARN."""
    status, headers, body = original(params)
    for topic in sns._topics.values():
        for subscription in topic["subscriptions"]:
            if not subscription["confirmed"]:
                arn = f"<SubscriptionArn>{subscription['arn']}<".encode()
                body = body.replace(arn, f"<SubscriptionArn>{PENDING}<".encode())
    return status, headers, body


def subscriptions_of(topic_arn: str) -> list[dict[str, Any]]:
    """The subscriptions of a topic; none if there is no such topic."""
    topic: dict[str, Any] = sns._topic_by_arn_any_scope(topic_arn) or {}
    return topic.get("subscriptions") or []


# --- Messages ----------------------------------------------------------------------------------


def publish(original: Operation, params: dict[str, Any]) -> Any:
    """Publish one message or a batch, unless a subject or message is not as SNS wants it."""
    entries = sns._parse_batch_entries(params) or [
        {"subject": sns._p(params, "Subject"), "message": sns._p(params, "Message")}
    ]
    for entry in entries:
        if entry.get("subject") and not SUBJECT.fullmatch(entry["subject"]):
            return sns._error("InvalidParameter", "Invalid parameter: Subject", 400)
        if not entry.get("message"):
            return sns._error("InvalidParameter", "Invalid parameter: Empty message", 400)
    return original(params)


def fan_out(original: Callable[..., None], topic_arn: str, *arguments: Any, **more: Any) -> None:
    """Deliver a message as ministack does, and to the confirmed e-mail addresses as well."""
    original(topic_arn, *arguments, **more)
    _, message, subject = arguments[:3]
    for subscription in subscriptions_of(topic_arn):
        if subscription["protocol"] == "email" and subscription["confirmed"]:
            if is_too_fast(subscription["arn"]):
                suspend(subscription)
            else:
                mail(subscription["endpoint"], subject or "AWS Notification Message", message)


def is_too_fast(subscription_arn: str) -> bool:
    """Count a mail of a subscription; return whether it is above the limit."""
    fault = faults.fault_for(faults.EMAIL)
    now = time.monotonic()
    with recent_lock:
        sent = recent[subscription_arn]
        while sent and sent[0] <= now - 1:
            sent.popleft()
        sent.append(now)
        return len(sent) > (fault.per_second if fault else MAILS_PER_SECOND)


def install() -> None:
    """Load the e-mails of earlier runs; let SNS and CloudFormation subscribe and mail like this."""
    outbox.extend(entry["mail"] for entry in store.load("mail"))
    cloudformation.wrap("AWS::SNS::Subscription", "create", create_subscription)
    cloudformation.wrap("AWS::SNS::Subscription", "update", update_subscription)
    sns._subscribe = functools.partial(subscribe, sns._subscribe)
    for name in "_list_subscriptions", "_list_subscriptions_by_topic":
        setattr(sns, name, functools.partial(list_subscriptions, getattr(sns, name)))
    for name in "_publish", "_publish_batch":
        setattr(sns, name, functools.partial(publish, getattr(sns, name)))
    sns._fanout = functools.partial(fan_out, sns._fanout)
