"""The protocols of the services, which are written down instead of read from botocore's models."""

from __future__ import annotations

import botocore.session
import pytest

from kit.emulators.aws.protocols import PROTOCOLS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("service", PROTOCOLS)
def test_a_protocol_is_that_of_botocore(service: str) -> None:
    metadata = botocore.session.get_session().get_service_model(service).metadata
    assert PROTOCOLS[service].items() <= metadata.items()
    assert PROTOCOLS[service].keys() == metadata.keys() & {"protocol", "jsonVersion"}
