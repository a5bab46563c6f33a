"""MatchTopic and the inbox: who gets the e-mails, and which were sent."""

from __future__ import annotations

import re
from datetime import datetime

from kit.page.documents import Content, Doc, entry, iso, now, pretty
from kit.page.pollers.look import LookInside


class MatchTopic(LookInside):
    """The topic, whose notifications the inbox counts."""

    hop = "MatchTopic"
    party = "The topic"
    pause = 2.0

    def look(self) -> None:
        """Whether the e-mail address is confirmed."""
        self.known.confirmed = any(self.is_confirmed(one) for one in self.subscriptions())
        self.box.note = "confirmed"
        if not self.known.confirmed:
            self.box.note = "the address is not confirmed yet"
            self.trouble = "The e-mail address is not confirmed: no mail is sent."

    def subscriptions(self) -> list[Doc]:
        """Those of the topic."""
        answer = self.client("sns").list_subscriptions_by_topic(TopicArn=self.physical_id)
        found: list[Doc] = answer["Subscriptions"]
        return found

    def is_confirmed(self, subscription: Doc) -> bool:
        """Whether it waits no more; AWS lists one that does without an ARN, the emulator with."""
        arn = subscription["SubscriptionArn"]
        if not arn.startswith("arn:"):
            return False
        answer = self.client("sns").get_subscription_attributes(SubscriptionArn=arn)
        return bool(answer["Attributes"].get("PendingConfirmation") == "false")

    def content(self) -> Content:
        """The subscriptions."""
        entries = [entry(one["Endpoint"], pretty(one)) for one in self.subscriptions()]
        command = f"aws sns list-subscriptions-by-topic --topic-arn {self.physical_id}"
        return Content("Who gets the e-mails:", entries, command)


class Inbox(LookInside):
    """The mails of the offline AWS."""

    hop = "Inbox"
    party = "The mail"

    def look(self) -> None:
        """New mails, and whose photos they are about."""
        known = self.known
        for mail in self.parties.ask("aws", f"outbox?after={known.mail_number}"):
            moment = iso(datetime.fromisoformat(mail["sent"]))
            numbers = re.findall(r"\d{15,}", mail["body"])
            post = next((number for number in numbers if number in known.posts.by_id), None)
            if not mail.get("token") and known.stack and moment >= known.stack["created"]:
                known.hops["MatchTopic"].arrived(moment)
                named = set(re.findall(r"\d+_\d{15,}", mail["body"]))
                for photo in known.posts.by_id.get(post or "", {}).get("photos", []):
                    if not named or photo["key"] in named:
                        known.posts.reach(photo["key"], "mailed", now())
            self.box.arrived(moment)
            kept = {name: mail.get(name) for name in ("to", "subject", "body", "topic", "token")}
            known.mails.append(kept | {"number": known.mail_number, "sent": moment, "post": post})
            known.mail_number += 1

    def content(self) -> Content:
        """The newest mails."""
        mails = list(self.known.mails)[-5:]
        entries = [entry(m["subject"], m["body"], m["sent"]) for m in reversed(mails)]
        return Content(
            f"{self.known.mail_number} mails. Read them in the section Mail, too.", entries
        )
