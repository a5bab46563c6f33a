"""MatchTopic and the inbox: the subscribers, and the e-mails that were sent."""

from __future__ import annotations

import re
from datetime import datetime

from kit.jsonl import Json
from kit.page.formatting import Content, counted, entry, iso, now, pretty
from kit.page.pollers.poller import ContentPoller


class MatchTopic(ContentPoller):
    """The topic, whose notifications the inbox counts."""

    stage = "MatchTopic"
    service = "The topic"
    pause = 2.0

    def poll(self) -> None:
        """Whether the e-mail address is confirmed."""
        # One that waits for its confirmation is listed without its ARN.
        self.state.confirmed = any(
            one["SubscriptionArn"].startswith("arn:") for one in self.subscriptions()
        )
        self.status.note = "confirmed"
        if not self.state.confirmed:
            self.status.note = "the address is not confirmed yet"
            self.current_error = "The e-mail address is not confirmed: no mail is sent."

    def subscriptions(self) -> list[Json]:
        """Those of the topic."""
        answer = self.client("sns").list_subscriptions_by_topic(TopicArn=self.physical_id)
        found: list[Json] = answer["Subscriptions"]
        return found

    def content(self) -> Content:
        """The subscriptions."""
        entries = [entry(one["Endpoint"], pretty(one)) for one in self.subscriptions()]
        command = f"aws sns list-subscriptions-by-topic --topic-arn {self.physical_id}"
        return Content("The subscribers to the e-mails:", entries, command)


class Inbox(ContentPoller):
    """The mails of the offline AWS."""

    stage = "Inbox"
    service = "The mail"

    def poll(self) -> None:
        """New mails, and whose photos they are about."""
        state = self.state
        for mail in self.services.admin("aws", f"outbox?after={state.mail_number}"):
            moment = iso(datetime.fromisoformat(mail["sent"]))
            numbers = re.findall(r"\d{15,}", mail["body"])
            post = next((number for number in numbers if number in state.posts.by_id), None)
            if not mail.get("token") and state.stack and moment >= state.stack["created"]:
                state.stages["MatchTopic"].arrived(moment)
                named = set(re.findall(r"\d+_\d{15,}", mail["body"]))
                photos = state.posts.by_id.get(post or "", {}).get("photos", [])
                for key in named or [photo["key"] for photo in photos]:
                    state.posts.reach(key, "mailed", now())
            self.status.arrived(moment)
            fields = {name: mail.get(name) for name in ("to", "subject", "body", "topic", "token")}
            state.mails.append(fields | {"number": state.mail_number, "sent": moment, "post": post})
            state.mail_number += 1

    def content(self) -> Content:
        """The newest mails."""
        mails = list(self.state.mails)[-5:]
        entries = [entry(m["subject"], m["body"], m["sent"]) for m in reversed(mails)]
        return Content(
            f"{counted(self.state.mail_number, 'mails')}. Read them in the section Mail, too.",
            entries,
        )
