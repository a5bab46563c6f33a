"""The workshop that `workshop.py start` has started, as the other commands find it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from kit.errors import InputError
from kit.processes import is_free

REPOSITORY = Path(__file__).resolve().parents[2]
# What the workshop writes: its state, logs, and this. Tests have a folder of their own.
FOLDER = Path(os.environ.get("WORKSHOP_FOLDER") or REPOSITORY / ".workshop").absolute()
FILE = FOLDER / "running.json"
HOME = FOLDER / "home"  # the state of the workshop that stays


def typed(path: Path) -> str:
    """A path as one types it in the repository."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


@dataclass(frozen=True)
class Running:
    """A running offline workshop: the addresses of its services, and the learner's keys of X."""

    region: str
    aws_url: str
    x_url: str
    rekognition_url: str
    page_url: str
    keys: dict[str, str]  # TWITTER_CONSUMER_KEY and so on; they open nothing but the emulated X

    @property
    def answers(self) -> bool:
        """Whether it still runs; one that was killed has left its file behind."""
        return not is_free(int(self.aws_url.rpartition(":")[2]))

    def environment(self) -> dict[str, str]:
        """What the AWS CLI, boto3 and the scripts need to talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ENDPOINT_URL_REKOGNITION": self.rekognition_url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "TWITTER_API_URL": self.x_url,
        }

    def export_lines(self) -> str:
        """The same as commands of a shell."""
        variables = self.environment().items()
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables)

    def save(self) -> None:
        """Tell the other commands."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        FILE.touch(0o600)
        FILE.write_text(json.dumps(asdict(self)))


def load() -> Running | None:
    """The workshop that was started last and not ended, or None; see also `answers`."""
    try:
        return Running(**json.loads(FILE.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find() -> Running | None:
    """The running workshop, or None."""
    workshop = load()
    return workshop if workshop and workshop.answers else None


def require() -> Running:
    """The running workshop.

    Raises:
        InputError: there is none.
    """
    if workshop := find():
        return workshop
    if FILE.exists() and not load():
        FILE.read_bytes()  # raises an OSError if it belongs to somebody else
        raise InputError(
            f"{typed(FILE)} is damaged, which says where the workshop is. If it runs, stop it with "
            "Ctrl-C; then start it: python scripts/workshop.py start"
        )
    raise InputError("No workshop is running. Start one: python scripts/workshop.py start")


def use() -> Running | None:
    """Let boto3 in this process use the running workshop, unless AWS_ENDPOINT_URL names another.

    Returns:
        The workshop that is used, or None: another one, or AWS itself.
    """
    workshop = None if os.environ.get("AWS_ENDPOINT_URL") else find()
    if workshop:
        os.environ.update(workshop.environment())
    bypass_proxy()
    return workshop


def bypass_proxy() -> None:
    """Let no proxy stand between this process and an emulated AWS."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        os.environ.setdefault("NO_PROXY", "127.0.0.1")
