"""The offline workshop itself: this terminal's commands reach it, and what you do is saved."""

from __future__ import annotations

import os

from kit import running
from kit.admin_client import AdminClient
from kit.commands.doctor.finding import Finding, ok, wrong
from kit.commands.doctor.stack_context import StackContext
from kit.keys import TOKEN

ENV = 'eval "$(python scripts/workshop.py env)"'
OURS = "AWS_ENDPOINT_URL_REKOGNITION"  # of the lines that `env` prints


def misleading_variables() -> tuple[str, ...]:
    """The variables of this terminal that lead the AWS CLI away from the offline workshop.

    Only a terminal that knows the workshop is meant; doctor itself minds none of them.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if not running.is_local(endpoint):
        return ()
    of_a_role = os.environ.get("AWS_ACCESS_KEY_ID", "").startswith("ASIA")
    fine = {OURS, "no_proxy", *running.HOW_TO_ASK, *(["AWS_SESSION_TOKEN"] if of_a_role else [])}
    return tuple(name for name in running.leading_aside() if name not in fine)


def check_workshop(context: StackContext) -> Finding:
    """Nothing in this terminal wins over the workshop's settings, and the state can be saved."""
    if context.misleading:
        return wrong(
            f"this terminal has {', '.join(context.misleading)}",
            "Such a setting wins over the workshop's: the AWS CLI asks another server, or fails.",
            ENV,
        )
    admin = AdminClient(context.endpoint, os.environ.get(TOKEN, ""), timeout=5)
    if problem := admin.get("saving")["problem"]:
        return wrong(
            f"what you do is not saved: {problem}",
            f"It is lost when the workshop stops. It is saved in {running.typed(running.HOME)}.",
            "Make room on that disk, or give the folder back to yourself; then it is saved again",
        )
    return ok("what you do is saved")
