"""What the page shows of a hop in its box: a count, the time, the last error."""

from __future__ import annotations

from kit.page.documents import Doc, now

HOPS = (
    "X",
    "StreamingInstance",
    "DeliveryStream",
    "You",
    "TwitterLambdaFunction",
    "TwitterBucket",
    "RekognitionBucket",
    "PostsTable",
    "FailureQueue",
    "Rekognition",
    "RekognitionLambdaFunction",
    "MatchTopic",
    "Inbox",
)


class Hop:
    """A count, when the last one came, and the last error."""

    def __init__(self) -> None:
        self.count = 0
        self.last: str | None = None
        self.error: str | None = None
        self.error_at: str | None = None
        self.trouble = ""  # what is wrong now, and no event of the past
        self.note = ""

    def arrived(self, moment: str, count: int = 1) -> None:
        """Count what came."""
        self.count += count
        self.last = max(self.last or "", moment)

    def failed(self, text: str, moment: str | None = None) -> None:
        """Note an error; the same trouble again keeps its time."""
        if text != self.error or moment:
            self.error, self.error_at = text, moment or now()

    def document(self) -> Doc:
        """For the page."""
        past = bool(self.error and self.last and (self.error_at or "") < self.last)
        return {
            "count": self.count,
            "last": self.last,
            "error": self.trouble or self.error,
            "error_at": None if self.trouble else self.error_at,
            "now": bool(self.trouble) or bool(self.error and not past),
            "note": self.note,
        }
