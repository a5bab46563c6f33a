"""One emulated Rekognition for all its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.rekognition.harness import Server, StandInAws
from kit import samples
from support import evidence


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in samples.ensure().items()}


@pytest.fixture(scope="package")
def aws_process() -> Iterator[StandInAws]:
    aws = StandInAws()
    yield aws
    aws.shutdown()
    aws.server_close()


@pytest.fixture(scope="package")
def server(aws_process: StandInAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("rekognition")
    with evidence.watch(folder):
        started = Server(folder, aws_process.url)
        yield started
        assert started.stop() == "", "it is quiet"


@pytest.fixture
def aws(aws_process: StandInAws, photos: dict[str, bytes]) -> StandInAws:
    aws_process.objects = {f"photos/images/{name}": data for name, data in photos.items()}
    aws_process.denied = set()
    aws_process.asked = []
    aws_process.verdict_status = 200
    aws_process.delay = 0.0
    return aws_process
