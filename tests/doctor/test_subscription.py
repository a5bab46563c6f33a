"""Who gets the e-mail, by what SNS lists.

AWS: what was unsubscribed is listed as `Deleted` for 72 hours, says the article "How do I recreate
a "Deleted" Amazon SNS topic subscription" of its knowledge center, there of queues.
"""

from __future__ import annotations

import pytest

from doctor.checked_workshop import fake_context
from kit.commands.doctor.finding import OK, WRONG
from kit.commands.doctor.matches import check_subscription

pytestmark = pytest.mark.unit

ME, OTHER = "me@example.com", "other@example.com"
CONFIRMED = "arn:aws:sns:eu-west-1:000000000000:topic:1"


@pytest.mark.parametrize(
    ("listed", "status", "told"),
    [
        ([], WRONG, "nobody is subscribed"),
        ([("email", "Deleted", ME)], WRONG, "nobody is subscribed"),
        ([("sqs", CONFIRMED, "a queue")], WRONG, "nobody is subscribed"),
        ([("email", "PendingConfirmation", ME)], WRONG, ME),
        ([("email", CONFIRMED, ME)], OK, f"{ME} has confirmed it"),
        ([("email", "Deleted", ME), ("email", CONFIRMED, OTHER)], OK, f"{ME}, of the launch"),
    ],
)
def test_who_gets_the_e_mail(listed: list[tuple[str, str, str]], status: str, told: str) -> None:
    keys = ("Protocol", "SubscriptionArn", "Endpoint")
    entries = [dict(zip(keys, entry, strict=True)) for entry in listed]
    context = fake_context(list_subscriptions_by_topic={"Subscriptions": entries})
    context.parameters = {"EmailAddress": ME}
    found = check_subscription(context)
    assert found.status == status
    assert told in found.message
