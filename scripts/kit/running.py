"""The workshop that `workshop.py start` has started, as the other commands find it."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kit import codespace, private
from kit.aws_client import Aws
from kit.errors import InputError
from kit.keys import ACCOUNT, PAGE_TOKEN, TOKEN, select
from kit.processes import is_free

REPOSITORY = Path(__file__).resolve().parents[2]
# What the workshop writes: its state, logs, and this. Tests have a folder of their own.
FOLDER = Path(os.environ.get("WORKSHOP_FOLDER") or REPOSITORY / ".workshop").absolute()
FILE = FOLDER / "running.json"
HOME = FOLDER / "home"  # the state of the workshop that stays
AGAIN = FOLDER / "start-again-at"  # the page writes the number of a step: the session does the rest
# The learner's own file, in which the exercise is solved.
EXERCISE = Path(os.environ.get("WORKSHOP_EXERCISE") or REPOSITORY / "exercise" / "index.py")


# The learner's own files for AWS may have what the installed CLI or boto3 does not understand.
SHIELD = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
OF_A_SERVICE = "AWS_ENDPOINT_URL_"
LEADING_ASIDE = {
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_OUTPUT",
    "AWS_REGION",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "no_proxy",  # the AWS CLI asks it before NO_PROXY
}
# How boto3 and the AWS CLI ask: with a value that they do not know, they fail.
HOW_TO_ASK = {
    "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_DEFAULTS_MODE",
    "AWS_ENDPOINT_DISCOVERY_ENABLED",
    "AWS_MAX_ATTEMPTS",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
    "AWS_METADATA_SERVICE_TIMEOUT",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "AWS_RETRY_MODE",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
    "AWS_STS_REGIONAL_ENDPOINTS",
}


def typed(path: Path) -> str:
    """A path as one types it in the repository."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


@dataclass(frozen=True)
class Running:
    """A running offline workshop: the addresses of its services, and its keys."""

    region: str
    aws_url: str
    x_url: str
    rekognition_url: str
    page_url: str
    keys: dict[str, str]  # see `kit.keys`; they open nothing but this workshop

    @property
    def answers(self) -> bool:
        """Whether it still runs; one that was killed has left its file behind."""
        return not is_free(int(self.aws_url.rpartition(":")[2]))

    @property
    def page_address(self) -> str:
        """The page's address with the token that opens it."""
        public = codespace.public_host(urlsplit(self.page_url).port or 0)
        url = f"https://{public}" if public else self.page_url
        return f"{url}/?token={self.keys[PAGE_TOKEN]}"

    def aws(self) -> Aws:
        """A client of the account's owner."""
        return Aws(self.aws_url, self.region, self.keys)

    def environment(self) -> dict[str, str]:
        """What the AWS CLI, boto3 and the scripts need to talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ENDPOINT_URL_REKOGNITION": self.rekognition_url,
            "AWS_DEFAULT_REGION": self.region,
            **select(self.keys, ACCOUNT),
            "TWITTER_API_URL": self.x_url,
            **select(self.keys, [TOKEN]),  # with which doctor asks the emulators
        }

    def export_lines(self) -> str:
        """The same as commands of a shell, which also take out of the way what would lead aside."""
        lines = [f"unset {name}" for name in leading_aside()]
        variables = self.environment() | SHIELD | {"NO_PROXY": no_proxy()}
        lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        return "\n".join(lines)

    def save(self) -> None:
        """Tell the other commands."""
        private.make_folder(FOLDER)
        private.write(FILE, json.dumps(asdict(self)))


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

    Raises:
        InputError: AWS_ENDPOINT_URL is of an earlier workshop than the one that runs.
    """
    use_named()
    workshop = None if os.environ.get("AWS_ENDPOINT_URL") else find()
    if workshop:
        shield()
        os.environ.update(workshop.environment())
    return workshop


def use_named() -> None:
    """Let boto3 in this process use what AWS_ENDPOINT_URL names, if it does.

    Raises:
        InputError: it is of an earlier workshop than the one that runs.
    """
    endpoint, workshop = os.environ.get("AWS_ENDPOINT_URL"), find()
    if not endpoint:
        return
    if workshop and is_of_earlier(endpoint, workshop):
        raise InputError(
            "The lines in this terminal are of an earlier workshop. Type again: "
            'eval "$(python scripts/workshop.py env)"'
        )
    if is_local(endpoint) and (key := os.environ.get("AWS_ACCESS_KEY_ID")):
        # The token is part of a role's key (IAM User Guide, "IAM identifiers": it begins with
        # ASIA); with another key it is left from AWS.
        token = ("AWS_SESSION_TOKEN",) if key.startswith("ASIA") else ()
        shield(keep=("AWS_ENDPOINT_URL_REKOGNITION", *token))


def is_local(url: str) -> bool:
    """Whether an address is one of this computer."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost")


def is_of_earlier(endpoint: str, workshop: Running) -> bool:
    """Whether this terminal has the address or key of a workshop that runs no more."""
    if endpoint == workshop.aws_url:
        key = os.environ.get("AWS_ACCESS_KEY_ID")
        return key not in (None, workshop.environment()["AWS_ACCESS_KEY_ID"])
    try:
        return is_local(endpoint) and is_free(urlsplit(endpoint).port or 80)
    except ValueError:  # it has no port that could be one
        return False


# --- What would lead boto3 and the AWS CLI aside --------------------------------------------------


def leading_aside() -> list[str]:
    """The variables of this terminal that win over the workshop's, or that its AWS does not take.

    AWS: SDKs and Tools Reference Guide, "Service-specific endpoints", "Using shared config and
    credentials files" and "Settings reference".
    """
    names = LEADING_ASIDE | HOW_TO_ASK
    return [name for name in os.environ if name in names or name.startswith(OF_A_SERVICE)]


def shield(keep: tuple[str, ...] = ()) -> None:
    """Let nothing but the workshop's own settings count in this process."""
    for name in leading_aside():
        if name not in keep:
            del os.environ[name]
    os.environ.update(SHIELD | {"NO_PROXY": no_proxy()})


def no_proxy() -> str:
    """The value of NO_PROXY with which no proxy stands between us and this computer."""
    hosts = (os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "").split(",")
    return ",".join(dict.fromkeys([*filter(None, hosts), "127.0.0.1", "localhost"]))
