"""SNS: e-mail subscriptions that wait for confirmation, and what is mailed to them afterwards."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import sns
from ministack.services.cloudformation import provisioners

from kit.emulators.aws.outbox import mail


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


def install() -> None:
    """Let SNS and CloudFormation subscribe, and SNS deliver, like this."""
    subscription = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    subscription["create"] = functools.partial(create_subscription, subscription["create"])
    sns._subscribe = functools.partial(subscribe, sns._subscribe)
    sns._fanout = functools.partial(fan_out, sns._fanout)
