"""What the tests share: one offline system for all, and a stack of its own for each file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from kit import samples
from kit.emulators.system import OfflineSystem
from kit.stack.stack import EMAIL, Stack


@pytest.fixture(scope="session")
def pictures() -> dict[str, Path]:
    """The sample pictures by name."""
    return samples.ensure()


@pytest.fixture(scope="session")
def system() -> Iterator[OfflineSystem]:
    """AWS, X and Rekognition, emulated."""
    with OfflineSystem() as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def stack(system: OfflineSystem) -> Iterator[Stack]:
    """The template, launched; its e-mail subscription confirmed."""
    launched = Stack.launch(system.aws, system.parameters(EMAIL))
    launched.confirm_subscription()
    yield launched
    launched.delete()


@pytest.fixture(scope="module")
def load(system: OfflineSystem, stack: Stack) -> Callable[..., dict[str, Any]]:
    """Load a function's code into this process, as Lambda does, and return its names."""

    def load_code(code: str, logical_id: str, **environment: str) -> dict[str, Any]:
        config = system.aws.client("lambda").get_function_configuration(
            FunctionName=stack.resource(logical_id)
        )
        variables = {
            **config["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": system.aws.url,
            "AWS_ENDPOINT_URL_REKOGNITION": system.rekognition_url,
            "AWS_DEFAULT_REGION": system.aws.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **environment,
        }
        names: dict[str, Any] = {"__name__": logical_id}
        with mock.patch.dict(os.environ, variables):  # the code reads them as it is loaded
            exec(compile(code, f"{logical_id}.py", "exec"), names)
        return names

    return load_code
