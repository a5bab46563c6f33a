"""The outbox: no e-mail leaves this computer, each is kept here instead."""

from __future__ import annotations

from kit.emulators.aws.clock import timestamp
from kit.emulators.aws.kept import remember, remembered

outbox: list[dict[str, str]] = []  # every e-mail, oldest first


def mail(to: str, subject: str, body: str, **more: str) -> None:
    """Keep one e-mail."""
    outbox.append({"to": to, "subject": subject, "body": body, "sent": timestamp(), **more})
    remember(mail=outbox[-1])


def install() -> None:
    """Know the e-mails of earlier runs."""
    outbox.extend(change["mail"] for change in remembered("mail"))
