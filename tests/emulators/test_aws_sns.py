"""The emulated SNS: what it refuses to mail, and whom it asks again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulators.resources import unique, update_stack
from kit.emulators.system import OfflineSystem
from kit.stack.stack import Stack


class Topic:
    """A topic of its own, with one confirmed e-mail address."""

    def __init__(self, system: OfflineSystem) -> None:
        self.system, self.sns = system, system.aws.client("sns")
        self.address = f"{unique('me')}@example.com"
        self.arn: str = self.sns.create_topic(Name=unique("topic"))["TopicArn"]
        self.subscribe()
        self.confirm()

    def subscribe(self) -> str:
        """Ask for a confirmation mail; return what SNS answers."""
        request = {"TopicArn": self.arn, "Protocol": "email", "Endpoint": self.address}
        return str(self.sns.subscribe(**request)["SubscriptionArn"])

    def confirm(self) -> None:
        """Click the link in the newest mail that has one."""
        token = [mail["token"] for mail in self.mails() if "token" in mail][-1]
        self.sns.confirm_subscription(TopicArn=self.arn, Token=token)

    def mails(self) -> list[dict[str, str]]:
        return [mail for mail in self.system.aws.outbox() if mail["to"] == self.address]

    def publish(self, count: int = 1) -> None:
        """Publish so many messages, ten in a request."""
        for start in range(0, count, 10):
            entries = [
                {"Id": str(n), "Message": f"message {start + n}"}
                for n in range(min(10, count - start))
            ]
            self.sns.publish_batch(TopicArn=self.arn, PublishBatchRequestEntries=entries)

    def received(self) -> list[str]:
        """The messages that were mailed."""
        return [mail["body"] for mail in self.mails() if "token" not in mail]

    def listed(self) -> str:
        """The subscription's ARN, as the list of subscriptions has it."""
        (one,) = self.sns.list_subscriptions_by_topic(TopicArn=self.arn)["Subscriptions"]
        return str(one["SubscriptionArn"])


@pytest.fixture
def topic(system: OfflineSystem) -> Iterator[Topic]:
    made = Topic(system)
    yield made
    made.sns.delete_topic(TopicArn=made.arn)


@pytest.mark.parametrize(
    "subject", ["ä", "“quoted”", "two\nlines", "a\ttab", "bell\x07", " space", "x" * 100]
)
def test_a_bad_subject_is_refused(topic: Topic, subject: str) -> None:
    message = {"Message": "x", "Subject": subject}
    with pytest.raises(ClientError, match="Invalid parameter: Subject") as error:
        topic.sns.publish(TopicArn=topic.arn, **message)
    assert error.value.response["Error"]["Code"] == "InvalidParameter"
    with pytest.raises(ClientError, match="Invalid parameter: Subject"):
        topic.sns.publish_batch(
            TopicArn=topic.arn, PublishBatchRequestEntries=[{"Id": "1"} | message]
        )
    assert topic.received() == []


def test_a_good_subject_and_the_largest_message_are_mailed(topic: Topic) -> None:
    topic.sns.publish(TopicArn=topic.arn, Subject="x" * 99, Message="ä" * (128 << 10))
    (mail,) = [mail for mail in topic.mails() if "token" not in mail]
    assert mail["subject"] == "x" * 99
    assert len(mail["body"].encode()) == 256 << 10


@pytest.mark.parametrize("message", ["x" * ((256 << 10) + 1), ""])
def test_a_message_that_is_too_long_or_empty_is_refused(topic: Topic, message: str) -> None:
    with pytest.raises(ClientError, match=r"Invalid parameter: .*[Mm]essage") as error:
        topic.sns.publish(TopicArn=topic.arn, Message=message)
    assert error.value.response["Error"]["Code"] == "InvalidParameter"


def test_an_address_that_is_not_confirmed_is_listed_without_its_arn(topic: Topic) -> None:
    assert topic.listed().startswith(topic.arn)
    topic.address = f"{unique('other')}@example.com"
    assert topic.subscribe() == "pending confirmation"
    listed = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)["Subscriptions"]
    arns = {one["Endpoint"]: one["SubscriptionArn"] for one in listed}
    assert arns[topic.address] == "PendingConfirmation"


def test_more_than_ten_mails_a_second_suspend_the_subscription(topic: Topic) -> None:
    topic.publish(10)
    assert topic.listed().startswith(topic.arn)
    topic.publish(1)
    assert topic.received() == [f"message {n}" for n in range(10)]
    assert topic.listed() == "PendingConfirmation"
    topic.subscribe()
    topic.confirm()
    topic.publish(1)
    assert len(topic.received()) == 11


def test_a_test_may_ask_for_more_mails_a_second(own_system: OfflineSystem) -> None:
    topic, admin = Topic(own_system), own_system.admin("aws")
    fault: dict[str, Any] = {"service": "email", "per_second": 100}
    admin.post("faults", fault)
    topic.publish(30)
    assert len(topic.received()) == 30
    admin.delete("faults")


def test_an_update_to_another_address_asks_that_one(system: OfflineSystem) -> None:
    first, second = (f"{unique('me')}@example.com" for _ in range(2))
    stack = Stack.launch(system.aws, system.parameters(first))
    stack.confirm_subscription()
    sns, topic = system.aws.client("sns"), stack.resource("MatchTopic")
    update_stack(stack, EmailAddress=second)
    (one,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (one["Endpoint"], one["SubscriptionArn"]) == (second, "PendingConfirmation")
    sns.publish(TopicArn=topic, Message="nobody has confirmed")
    stack.confirm_subscription()
    sns.publish(TopicArn=topic, Message="hello")
    mails = [mail for mail in system.aws.outbox() if mail["to"] in (first, second)]
    asked = "AWS Notification - Subscription Confirmation"
    assert [(m["to"], m["subject"] == asked, m["body"] == "hello") for m in mails] == [
        (first, True, False),
        (second, True, False),
        (second, False, True),
    ]
    stack.delete()
