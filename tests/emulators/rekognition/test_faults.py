"""Errors on purpose, and more requests than are let in."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from emulators.rekognition.harness import Server, StandInAws, error_of, stored


@pytest.mark.usefixtures("aws")
def test_a_quota_of_calls_a_second(server: Server) -> None:
    fault = {"code": "ThrottlingException", "times": 100, "per_second": 1}
    server.admin.post("faults", fault)
    client = server.client()
    codes = [error_of(client, SourceImage={}, TargetImage={})[0] for _ in range(20)]
    server.admin.delete("faults")
    passed = codes.count("InvalidParameterException")
    assert 1 <= passed < 20
    assert codes.count("ThrottlingException") == 20 - passed


@pytest.mark.usefixtures("aws")
def test_faults_have_the_services_status_and_are_retried(server: Server) -> None:
    photo = stored("landscape.jpg")
    for code, status in (
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
    ):
        server.fail(code, operation="DetectFaces")
        with pytest.raises(ClientError) as caught:
            server.client().detect_faces(Image=photo)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    server.fail("ThrottlingException", times=2)
    answer = server.client(attempts=4).detect_faces(Image=photo)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    server.fail("ThrottlingException", operation="CompareFaces")
    assert server.client().detect_faces(Image=photo)["FaceDetails"] == []  # not meant
    code, _ = error_of(server.client(), SourceImage=photo, TargetImage=photo)
    assert code == "ThrottlingException"


def test_more_than_100_waiting_requests_are_throttled(server: Server, aws: StandInAws) -> None:
    aws.delay = 0.5  # so that they pile up, also on a busy computer
    client = server.client()

    def call(_: int) -> str:
        return error_of(client, "detect_faces", Image={"Bytes": b"not a picture"})[0]

    with ThreadPoolExecutor(130) as threads:
        codes = Counter(threads.map(call, range(130)))
    assert set(codes) == {"ThrottlingException", "InvalidImageFormatException"}
    assert codes["InvalidImageFormatException"] >= 100
    assert codes["ThrottlingException"] >= 5
    aws.delay = 0.0
    assert call(0) == "InvalidImageFormatException"  # and it goes on
