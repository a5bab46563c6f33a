"""What the tests of the functions share."""

from __future__ import annotations

import os

import pytest

from kit.aws_client import REGION, Aws
from kit.keys import ACCOUNT, select
from lambdas.account import Account


@pytest.fixture(scope="package")
def account(request: pytest.FixtureRequest) -> Account:
    """One for all tests: each has photos of its own."""
    if url := os.environ.get("MUTANTS_AWS_URL"):  # `make mutants` starts one AWS for all its runs
        return Account(Aws(url, REGION, select(os.environ, ACCOUNT)))
    return Account(request.getfixturevalue("system").aws)
