"""RekognitionLambdaFunction as launched, the exercise's starter."""

from __future__ import annotations

import pytest

from lambdas.loading import NO_PHOTO, WITHOUT_PHOTO, load_inline
from support import s3_event

pytestmark = pytest.mark.unit


def test_the_starter_logs_each_photo(capsys: pytest.CaptureFixture[str]) -> None:
    names = load_inline("RekognitionLambdaFunction", SIMILARITY_THRESHOLD="87.5")
    names["lambda_handler"](s3_event("photos", "images/3_1.jpg", "images/Zo%C3%AB+%26.jpg"), None)
    assert capsys.readouterr().out.splitlines() == [
        "Photo images/3_1.jpg arrived in photos",
        "Photo images/Zoë &.jpg arrived in photos",
    ]
    for event in WITHOUT_PHOTO:
        names["lambda_handler"](event, None)
        assert capsys.readouterr().out.splitlines() == [NO_PHOTO]
    settings = ["REFERENCE_PHOTO", "SIMILARITY_THRESHOLD", "TABLE_NAME", "TOPIC_ARN"]
    assert [names[name] for name in settings] == ["celebrity.jpg", 87.5, "table", "topic"]
