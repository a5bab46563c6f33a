"""How every command ends when something goes wrong: with a sentence and an exit code."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import requests
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError
from rich.console import Console

from kit import running
from kit.errors import InputError, WorkshopError
from kit.running import FOLDER
from kit.terminal import TERMINAL_CLOSED, let_go, printable
from kit.text import shorten

BAD_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
# A new account, or one on the free plan, lacks some services. That is in no document, but in
# https://github.com/webiny/webiny-js/issues/1517, with the codes of DynamoDB and of S3, and
# https://github.com/aws-amplify/amplify-js/issues/2796, with CloudFormation's.
NOT_SUBSCRIBED = {"NotSignedUp", "OptInRequired", "SubscriptionRequiredException"}
SUBSCRIBE = (
    "AWS opens some services to a new account only after hours or days, and its free plan lacks "
    "some. See which plan you have (aws freetier get-account-plan-state --region us-east-1); "
    "change it in the console, Billing and Cost Management, or wait for a day. Then try again"
)
CTRL_C = 130  # the exit code of what Ctrl-C has ended


@contextmanager
def handle_errors(
    console: Console | None = None, stopped: str = "Stopped. Nothing is left running."
) -> Iterator[None]:
    """Turn what goes wrong into a sentence and an exit code: 2 for wrong input, else 1.

    Args:
        console: where a stop by Ctrl-C is told. Default: standard output.
        stopped: what is said then.
    """
    try:
        yield
    except InputError as error:
        raise click.UsageError(printable(error)) from error
    except WorkshopError as error:
        raise click.ClickException(printable(error)) from error
    except KeyboardInterrupt:
        (console or Console()).print(stopped)
        raise SystemExit(CTRL_C) from None
    except (BotoCoreError, ClientError) as error:
        raise aws_error(error) from error
    except ResponseParserError as error:  # boto3 does not count it among its own
        raise click.ClickException(
            f"boto3 does not understand what answers ({shorten(printable(error), 160)}). Is it "
            "AWS? See AWS_ENDPOINT_URL, and whether a proxy stands between."
        ) from error
    except requests.RequestException as error:
        raise click.ClickException(
            f"A part of the offline workshop does not answer ({printable(error)}). Is it running? "
            "Start it: python scripts/workshop.py start"
        ) from error
    except OSError as error:
        raise file_error(error) from error
    except ValueError as error:
        if "Invalid endpoint" not in str(error):  # boto3's, for an AWS_ENDPOINT_URL that is none
            raise
        raise click.UsageError(f"AWS cannot be used: {error}") from error


def file_error(error: OSError) -> BaseException:
    """What it means that something cannot be read or written."""
    if error.errno in TERMINAL_CLOSED:
        let_go(pipes=True)
        return SystemExit(CTRL_C)
    message = f"{error.strerror}: {error.filename or FOLDER}"
    if error.errno == errno.ENOSPC:
        return click.ClickException(f"{message}. Make room, then try again.")
    path = Path(os.fsdecode(error.filename or ""))
    if not path.is_absolute() or not (path.is_relative_to(FOLDER) or FOLDER.is_relative_to(path)):
        return error
    return click.UsageError(
        f"The workshop cannot use its folder ({printable(message)}).{owner_of(FOLDER)} Give it to "
        "yourself, remove it, or name another one: export WORKSHOP_FOLDER=/a/folder/of/yours"
    )


def owner_of(folder: Path) -> str:
    """A sentence that says to whom a folder belongs, if it is not ours."""
    try:
        owner = folder.stat().st_uid
        return "" if owner == os.geteuid() else f" It belongs to {folder.owner()}."
    except OSError:  # it does not exist
        return ""
    except KeyError:  # the owner has no name
        return f" It belongs to user {owner}."


def aws_error(error: BotoCoreError | ClientError) -> click.ClickException:
    """What a refusal of AWS, or of boto3 itself, means for the learner."""
    if isinstance(error, ClientError):
        return refusal(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return click.UsageError(f"There are no credentials for AWS: {how_to_log_in()}.")
    if isinstance(error, NoConnectionError | HTTPClientError):
        if os.environ.get("AWS_ENDPOINT_URL"):
            return click.ClickException(
                f"Offline AWS does not answer ({error}): is the workshop running (make workshop)?"
            )
        return click.ClickException(f"AWS does not answer ({error}): is the network there?")
    return click.UsageError(f"AWS cannot be used: {error}")


def refusal(error: ClientError) -> click.ClickException:
    """What an answer of AWS that is an error means for the learner."""
    answer = error.response["Error"]
    message = printable(answer.get("Message", answer["Code"]))
    if answer["Code"] in BAD_CREDENTIALS:
        return click.UsageError(
            f"AWS does not take your credentials ({message}): {how_to_log_in()}."
        )
    if answer["Code"] in NOT_SUBSCRIBED:
        return click.UsageError(
            f"Your account cannot use {error.operation_name} yet: {answer['Code']} ({message}). "
            f"{SUBSCRIBE}."
        )
    if answer["Code"] == "AlreadyExistsException":  # also a stack whose launch has failed
        message += ". Delete it first: aws cloudformation delete-stack --stack-name NAME"
    return click.ClickException(f"AWS refused {error.operation_name}: {message}")


def how_to_log_in() -> str:
    """Where credentials come from."""
    hint = "aws login, or aws configure with the access key of your user"
    if running.find() and "AWS_ENDPOINT_URL" not in os.environ:
        hint += '; for the offline workshop: eval "$(python scripts/workshop.py env)"'
    return hint
