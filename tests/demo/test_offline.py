"""The demo, run as a learner runs it: a command in a terminal, from start to clean-up."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from rich.console import Console

from kit.commands.demo.logs import LOGS
from kit.commands.demo.offline import Demo
from kit.commands.demo.progress import Progress
from kit.stack import journey
from security.pictures import png_bomb
from support import REPOSITORY, wait_until
from support.systems import BorrowedSystem

MEMORY_LIMIT = 1.5 * 1024**3  # bytes, of all processes together


class Run:
    """A run of `workshop.py demo` with a temporary folder of its own, to see what it leaves."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "scripts" / "workshop.py"), "demo", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(folder), "COLUMNS": "200"},
        )

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate()
        return self.process.returncode, out, err

    def processes(self) -> list[Path]:
        """The processes that work in our folder: all that the demo has started."""
        mine = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue  # it has just ended, or is not ours
            if str(self.folder).encode() in environment:
                mine.append(entry)
        return mine

    def memory(self) -> int:
        """Bytes of all its processes; what they share is counted once."""
        total = 0
        for entry in self.processes():
            try:
                text = (entry / "smaps_rollup").read_text()
            except OSError:
                continue
            if found := re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE):
                total += int(found[1]) * 1024
        return total


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs = []

    def start(*options: str) -> Run:
        runs.append(Run(tmp_path, *options))
        return runs[-1]

    yield start
    for started in runs:
        started.process.kill()
        started.process.wait()


def photo(
    tmp_path: Path, source: Path, name: str, size: int, orientation: int = 1, **options: Any
) -> str:
    """A copy of a picture with `size` pixels on its longer side."""
    image = Image.open(source).convert("RGB")
    scale = size / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)))
    if orientation == 6:  # the camera was turned; viewers turn the picture by 90° clockwise
        image = image.rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / name
    image.save(path, exif=exif, **options)
    return str(path)


def test_the_whole_workshop(run: Callable[..., Run]) -> None:
    demo = run()
    peak = 0
    while demo.process.poll() is None and Path("/proc").exists():
        peak = max(peak, demo.memory())
        time.sleep(0.3)
    code, out, err = demo.finish()
    assert (code, err) == (0, ""), out + err
    stages = [
        "the stack is launched from RekognitionWorkshopCFN.json",
        "With the exercise's starter",
        "→ streamer → Firehose → S3: firehose/",
        "→ RekognitionLambdaFunction: Photo images/3_",
        "no mail: that is the exercise",
        "With the solution",
        "→ TwitterLambdaFunction → S3 and DynamoDB: stored",
        "→ RekognitionLambdaFunction → Rekognition: match",
        "→ SNS → e-mail to learner@example.com",
        "Subject: Possible match",
        "Rekognition: other person",
        "Rekognition: no face",
        "left in the account: nothing",
    ]
    positions = [out.find(stage) for stage in stages]
    assert -1 not in positions, stages[positions.index(-1)]
    assert positions == sorted(positions)
    assert out.count("To: learner@example.com") == 1
    assert 0 < peak < MEMORY_LIMIT
    assert list(demo.folder.iterdir()) == []
    assert demo.processes() == []


@pytest.mark.slow
def test_own_pictures_of_all_kinds(
    run: Callable[..., Run], pictures: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pictures")
    obama, biden = pictures["obama2.jpg"], pictures["biden.jpg"]
    text, cut, big = folder / "text.jpg", folder / "cut.jpg", folder / "big.jpg"
    text.write_text("This is not a photo.")
    cut.write_bytes(obama.read_bytes()[:30_000])
    big.write_bytes(obama.read_bytes() + bytes(20 << 20))
    (folder / "bomb.png").write_bytes(png_bomb(50_000, 50_000))
    (folder / "huge.jpg").write_bytes(bytes(40 << 20))
    noise = Image.effect_noise((4600, 3000), 20).convert("RGB")  # so that the file becomes large
    portrait = ImageOps.fit(Image.open(obama).convert("RGB"), (2000, 2500))
    noise.paste(portrait, (1000, 250))
    noise.save(folder / "large.png", compress_level=1)
    assert 15 << 20 < (folder / "large.png").stat().st_size < 19 << 20
    both = Image.new("RGB", (1600, 1000))
    for x, source in ((0, biden), (800, pictures["obama3.jpg"])):
        both.paste(ImageOps.fit(Image.open(source), (800, 1000)), (x, 0))
    both.save(folder / "both.png")
    expected = {
        photo(folder, obama, "4000.png", 4000, compress_level=1): "match",
        photo(folder, obama, "200.jpg", 200, quality=90): "match",
        photo(folder, obama, "turned.jpg", 1500, orientation=6): "match",
        str(folder / "both.png"): "match",
        str(folder / "large.png"): "match",
        photo(folder, biden, "other.png", 900): "other person",
        str(pictures["landscape.jpg"]): "no face",
        str(text): "unreadable",
        str(cut): "unreadable",
        str(big): "too large",
        str(folder / "bomb.png"): "too large",
        str(folder / "huge.jpg"): "too large",
    }
    tweets = [option for path in expected for option in ("--tweet", path)]
    demo = run("--json", "--reference", str(pictures["obama.jpg"]), *tweets)
    code, out, err = demo.finish()
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["tweet"] for line in lines] == list(expected)
    for line, outcome in zip(lines, expected.values(), strict=True):
        assert line.keys() == {"tweet", "match", "similarity", "seconds", "reason"}
        assert line["match"] == (outcome == "match"), line
        assert line["seconds"] > 0
        if line["match"]:
            assert 80 <= line["similarity"] <= 100
            assert line["reason"] is None
        else:
            assert line["similarity"] is None
            assert outcome in line["reason"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--reference", "missing.jpg", "--tweet", "x"], "'missing.jpg' does not exist"),
        (["--reference", "{obama}"], "--reference and --tweet go together"),
        (["--tweet", "{obama}"], "--reference and --tweet go together"),
        (["--reference", "{landscape}", "--tweet", "{obama}"], "is of no use: "),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    run: Callable[..., Run], pictures: dict[str, Path], options: list[str], sentence: str
) -> None:
    names = {name.removesuffix(".jpg"): str(path) for name, path in pictures.items()}
    demo = run("--json", *[option.format(**names) for option in options])
    code, out, err = demo.finish()
    assert (code, out) == (2, ""), err
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
    assert list(demo.folder.iterdir()) == []


@pytest.mark.linux
@pytest.mark.parametrize(
    ("stage", "numbers"),
    [
        ("answer", [signal.SIGINT]),
        ("launched", [signal.SIGTERM]),
        ("starter", [signal.SIGINT, signal.SIGINT]),  # pressed twice
        ("solution", [signal.SIGINT]),
        ("posted", [signal.SIGINT]),
    ],
)
def test_ctrl_c_at_any_stage_leaves_nothing(
    run: Callable[..., Run], stage: str, numbers: list[signal.Signals]
) -> None:
    demo = run()
    assert demo.process.stdout
    for line in demo.process.stdout:
        if stage in line:
            break
    else:
        pytest.fail(f"the demo never came to {stage!r}")
    started = demo.processes()
    assert len(started) > 3
    for number in numbers:
        demo.process.send_signal(number)
        time.sleep(0.2)
    code, _, err = demo.finish()
    assert (code, err) == (130, "")
    assert list(demo.folder.iterdir()) == []
    assert demo.processes() == []


@pytest.mark.linux
def test_nothing_stays_when_the_demo_is_killed(run: Callable[..., Run]) -> None:
    demo = run()
    assert demo.process.stdout
    for line in demo.process.stdout:
        if "no mail" in line:
            break
    assert len(demo.processes()) > 5
    demo.process.kill()
    demo.process.wait()
    wait_until(lambda: demo.processes() == [])


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def launched_demo(own_system: BorrowedSystem, screen: io.StringIO) -> Iterator[Demo]:
    """A demo that is ready for its tweets."""
    demo = Demo(own_system, Progress(Console(file=screen)))
    demo.launch()
    yield demo
    own_system.stop()  # the streamer
    demo.stack.delete()


def test_a_stage_that_fails_is_named(
    launched_demo: Demo, pictures: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey, "STAGE_SECONDS", 0.5)
    demo = launched_demo
    assert demo.streamer
    demo.streamer.stop()
    with pytest.raises(
        journey.JourneyError, match="at this stage: → streamer → Firehose → S3"
    ) as caught:
        demo.tweet(pictures["obama.jpg"])
    assert caught.value.log == "streamer"
    assert (demo.save_logs() / "streamer.log").read_text().startswith("Connected to X")
    assert (LOGS / "TwitterLambdaLogs.log").exists()


def tweet_a_match(demo: Demo, pictures: dict[str, Path]) -> None:
    """Do the steps of the demo, as far as its first match."""
    demo.upload_reference(pictures["obama.jpg"])
    demo.deploy_solution()
    assert demo.tweet(pictures["obama2.jpg"]).match


@pytest.mark.linux
def test_the_keys_are_nowhere(
    launched_demo: Demo, screen: io.StringIO, pictures: dict[str, Path]
) -> None:
    """Neither on the screen nor in a log, event, output, item, mail, file or command line."""
    tweet_a_match(launched_demo, pictures)
    system, stack = launched_demo.system, launched_demo.stack
    s3, bucket = system.aws.client("s3"), stack.resource("TwitterBucket")
    cloudformation = system.aws.client("cloudformation")
    files = [path for path in system.folder.rglob("*") if path.is_file()]
    written = [
        screen.getvalue(),
        *(path.read_text(errors="replace") for path in files),
        *(
            s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode()
            for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]
        ),
        *stack.log_lines("TwitterLambdaLogs"),
        *stack.log_lines("RekognitionLambdaLogs"),
        json.dumps(system.aws.outbox()),
        json.dumps(cloudformation.describe_stacks(StackName=stack.name), default=str),
        json.dumps(cloudformation.describe_stack_events(StackName=stack.name), default=str),
        json.dumps(stack.init_files("StreamingInstance")),
        json.dumps(system.aws.client("dynamodb").scan(TableName=stack.resource("PostsTable"))),
        json.dumps(system.aws.client("lambda").list_functions(), default=str),
        *(path.read_text() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()),
    ]
    assert len(written) > 15
    for name, key in system.keys.items():
        assert not [text[:200] for text in written if key in text], name


def test_one_post_sent_by_two_streamers_is_one_photo_one_item_and_one_mail(
    launched_demo: Demo, pictures: dict[str, Path]
) -> None:
    mails_before = len(launched_demo.system.aws.outbox())
    tweet_a_match(launched_demo, pictures)
    system, stack = launched_demo.system, launched_demo.stack
    firehose, s3 = system.aws.client("firehose"), system.aws.client("s3")
    bucket = stack.resource("TwitterBucket")
    (entry,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    line = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()

    def seen() -> int:
        return "".join(stack.log_lines("TwitterLambdaLogs")).count(" seen")

    for sent in (3, 6):
        name = stack.resource("DeliveryStream")
        firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": line}] * 3)
        wait_until(lambda: seen() == sent)  # noqa: B023 - called at once
    images = s3.list_objects_v2(Bucket=stack.resource("RekognitionBucket"), Prefix="images/")
    assert images["KeyCount"] == 1
    items = system.aws.client("dynamodb").scan(TableName=stack.resource("PostsTable"))
    assert items["Count"] == 1
    assert len(system.aws.outbox()) == mails_before + 1
