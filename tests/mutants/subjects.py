"""The codes that are mutated."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from inline_code import embed
from kit.stack.template import TEMPLATE, code_of
from support import REPOSITORY


@dataclass(frozen=True)
class Subject:
    """A code that is mutated.

    Attributes:
        name: of the template's function, or of the file.
        file: the code's own, or the template that holds it; relative to the repository.
        tests: files and folders, relative to the repository.
    """

    name: str
    file: Path
    tests: tuple[str, ...]

    @property
    def code(self) -> str:
        """The code as it is."""
        return code_of(self.name) if self.is_inline else (REPOSITORY / self.file).read_text()

    @property
    def is_inline(self) -> bool:
        """Whether it is a part of the template."""
        return self.file.name == TEMPLATE.name

    @property
    def traced_file(self) -> str:
        """The name of the code's file, as tests compile it."""
        return f"{self.name}.py" if self.is_inline else self.file.name

    def write(self, code: str, repository: Path) -> Path:
        """Put another code into its place in a copy of the repository; return the file."""
        path = repository / self.file
        path.write_text(embed(TEMPLATE.read_text(), self.name, code) if self.is_inline else code)
        return path

    def digest(self) -> str:
        """A hash of all that its tests are, to know whether they changed."""
        files = set((REPOSITORY / "tests" / "support").glob("*.py"))
        for test in self.tests:
            path = REPOSITORY / test
            files |= set((path if path.is_dir() else path.parent).rglob("*.py"))
        contents = b"\0".join(file.read_bytes() for file in sorted(files))
        return hashlib.sha256(contents).hexdigest()


def inline(name: str, *tests: str) -> Subject:
    """A function of the template."""
    return Subject(name, Path(TEMPLATE.name), tests)


# What learners read and AWS runs. Their tests here are those that need no stack: they take seconds.
SUBJECTS = [
    inline(
        "TwitterLambdaFunction",
        *("tests/lambdas/test_twitter.py", "tests/security/test_downloads.py"),
    ),
    inline("RekognitionLambdaFunction", "tests/lambdas/test_starter.py"),
    inline("BucketEmptierFunction", "tests/lambdas/test_emptier.py"),
    Subject(
        "compareFaces.py",
        Path("scripts/compareFaces.py"),
        ("tests/lambdas/test_compare_faces.py",),
    ),
    Subject(
        "twitter_streaming.py",
        Path("scripts/twitter_streaming.py"),
        tuple(
            f"tests/streamer/test_{name}.py" for name in ("lines", "listening", "starting", "parts")
        ),
    ),
    Subject(
        "firehose_producer.py",
        Path("scripts/firehose_producer.py"),
        tuple(f"tests/streamer/test_{name}.py" for name in ("sending", "starting", "parts")),
    ),
]
