"""`workshop.py tweet`: a post on the emulated X."""

from __future__ import annotations

from pathlib import Path

import click
import requests

from kit import running
from kit.commands.errors import handle_errors
from kit.errors import InputError, WorkshopError
from kit.limits import POST_PHOTOS
from kit.x_client import XClient, error_message

PHOTO = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, type=PHOTO, required=True)
@click.option("--text", default="Look who is here", help="What the post says.")
@handle_errors()
def tweet(files: tuple[Path, ...], text: str) -> None:
    """Post up to four photos on the emulated X."""
    if len(files) > POST_PHOTOS:
        raise InputError(f"A post has at most {POST_PHOTOS} photos.")
    running.shield()
    workshop = running.require()
    keys = workshop.keys
    client = XClient(workshop.x_url, keys["TWITTER_CONSUMER_KEY"], keys["TWITTER_TOKEN"])
    try:
        post_id = client.post(text, [client.upload(file.read_bytes()) for file in files])
    except requests.RequestException as error:
        raise WorkshopError(
            f"The emulated X did not take the post: {error_message(error)}"
        ) from error
    click.echo(f"Posted {len(files)} photo(s) on X: post {post_id}")
