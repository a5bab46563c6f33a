"""SNS: e-mail subscriptions that wait for confirmation, and the mail that is sent to them.

No e-mail leaves this computer, the outbox keeps each one. ministack confirms the subscriptions of
a stack by itself, and its SNS keeps no message that one could read
(https://github.com/ministackorg/ministack/pull/1682 would keep the SMS).

AWS: SNS API Reference, "Subscribe" and "ConfirmSubscription"; SNS Developer Guide, "Email
notifications".
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import sns

from kit.emulators.aws import cloudformation, store

outbox: list[dict[str, str]] = []  # every e-mail, oldest first


def mail(to: str, subject: str, body: str, **more: str) -> None:
    """Put an e-mail into the outbox."""
    sent = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    outbox.append({"to": to, "subject": subject, "body": body, "sent": sent, **more})
    store.append(mail=outbox[-1])


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
    """Subscribe as the API does; unconfirmed endpoints get the confirmation mail again."""
    topic, endpoint = sns._p(params, "TopicArn"), sns._p(params, "Endpoint")

    def subscriptions() -> list[dict[str, Any]]:
        return [s for s in subscriptions_of(topic) if s["endpoint"] == endpoint]

    confirmed = {s["arn"] for s in subscriptions() if s["confirmed"]}
    answer = original(params)
    for subscription in subscriptions():
        if subscription["arn"] not in confirmed:
            ask_for_confirmation(subscription["arn"])
    return answer


def fan_out(original: Callable[..., None], topic_arn: str, *arguments: Any, **more: Any) -> None:
    """Deliver a message as ministack does, and to the confirmed e-mail addresses as well."""
    original(topic_arn, *arguments, **more)
    _, message, subject = arguments[:3]
    for subscription in subscriptions_of(topic_arn):
        if subscription["protocol"] == "email" and subscription["confirmed"]:
            mail(subscription["endpoint"], subject or "AWS Notification Message", message)


def subscriptions_of(topic_arn: str) -> list[dict[str, Any]]:
    """The subscriptions of a topic; none if there is no such topic."""
    topic: dict[str, Any] = sns._topic_by_arn_any_scope(topic_arn) or {}
    return topic.get("subscriptions") or []


def install() -> None:
    """Load the e-mails of earlier runs; let SNS and CloudFormation subscribe like this."""
    outbox.extend(entry["mail"] for entry in store.load("mail"))
    cloudformation.wrap("AWS::SNS::Subscription", "create", create_subscription)
    sns._subscribe = functools.partial(subscribe, sns._subscribe)
    sns._fanout = functools.partial(fan_out, sns._fanout)
