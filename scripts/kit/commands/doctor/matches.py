"""The matches: the exercise that finds them, the table that keeps them, the e-mail about them."""

from __future__ import annotations

from collections import Counter

from botocore.exceptions import ClientError

from kit.commands.doctor import fixes
from kit.commands.doctor.finding import REKOGNITION, Finding, ok, unknown, wrong
from kit.commands.doctor.function_code import is_starter
from kit.commands.doctor.stack_context import StackContext, metric_sum
from kit.text import count


def check_subscription(context: StackContext) -> Finding:
    """Somebody receives the e-mail."""
    topic, launched = context.ids["MatchTopic"], context.parameters.get("EmailAddress", "")
    pending: list[str] = []
    confirmed: list[str] = []
    for entry in context.paginate("MatchTopic", "list_subscriptions_by_topic", "Subscriptions"):
        arn, address = entry["SubscriptionArn"], entry["Endpoint"]
        if entry["Protocol"] == "email" and arn != "Deleted":
            (pending if arn == "PendingConfirmation" else confirmed).append(address)
    if confirmed:
        other = "" if launched in confirmed else f"; {launched}, of the launch, gets no e-mail"
        return ok(f"{', '.join(confirmed)} has confirmed it{other}")
    if not pending:
        return wrong(
            "nobody is subscribed",
            "Somebody, or a program that checks links, followed the link “unsubscribe” in a mail; "
            "or the address was not confirmed for days, so SNS deleted it.",
            f"{fixes.subscribe(topic, launched)}, then confirm it (step 4)",
        )
    if mails := delivered_mails(context):
        return wrong(
            f"{', '.join(pending)} had confirmed it, and has to do so again",
            f"SNS delivered {count(mails, 'mail')} in the last 14 days. More than ten in a second "
            "suspend a subscription; until it is confirmed, the e-mail of each match is lost.",
            f"{fixes.subscribe(topic, pending[0])}, then click “Confirm subscription” (step 4)",
        )
    return wrong(
        f"{', '.join(pending)} has not confirmed it",
        "SNS sends e-mail only to confirmed subscribers; until then the e-mail of each match is "
        "lost.",
        "Click “Confirm subscription” in the e-mail “AWS Notification - Subscription "
        "Confirmation” (step 4; check the spam folder). To get it again: "
        f"{fixes.subscribe(topic, pending[0])}",
    )


def delivered_mails(context: StackContext) -> int:
    """How many messages of the topic SNS has delivered lately, so somebody had confirmed it.

    SNS Developer Guide, "Email subscription setup and management", says when it suspends one;
    "Monitoring Amazon SNS topics using CloudWatch" has the metric. The emulated AWS has none.
    """
    name = context.ids["MatchTopic"].rpartition(":")[2]
    metric = "NumberOfNotificationsDelivered"
    try:
        return metric_sum(context, "AWS/SNS", metric, 14 * 24, TopicName=name)
    except ClientError:  # it is only a hint
        return 0


def check_exercise(context: StackContext) -> Finding:
    """The function is no longer the exercise's starter, which compares nothing."""
    if is_starter(context, REKOGNITION):
        return unknown(
            "the code is still the starter, which compares nothing and sends no e-mail",
            "write your own (step 10)",
        )
    return ok("the code is yours")


def check_table(context: StackContext) -> Finding:
    """The table of the photos exists."""
    status = context.call("PostsTable", "describe_table")["Table"]["TableStatus"]
    message = f"{context.ids['PostsTable']} is {status}"
    return ok(message) if status == "ACTIVE" else unknown(message, "run doctor again in a minute")


def check_comparison(context: StackContext) -> Finding:
    """The outcomes of the photos, and the newest one."""
    fields = "media_key, outcome, similarity, created_at"
    items = list(context.paginate("PostsTable", "scan", "Items", ProjectionExpression=fields))
    if not items:
        return unknown("no photo yet", "post a photo of the person on the reference photo")
    compared = [item for item in items if "outcome" in item]
    outcomes = Counter(str(item["outcome"].get("S")) for item in compared)
    outcomes["not compared"] += len(items) - len(compared)
    total = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items() if number)
    if not compared:
        return unknown(f"no photo has an outcome yet; photos: {total}")
    last = max(compared, key=lambda item: item.get("created_at", {}).get("S", ""))
    # The code of the hints does not store it.
    similarity = f", {last['similarity']['N']} % similar" if "similarity" in last else ""
    posted = last.get("created_at", {}).get("S", "an unknown time")
    return ok(f"{last['outcome'].get('S')}{similarity}, posted at {posted}; photos: {total}")
