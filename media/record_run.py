"""Record what the learner sees in S3: post a photo in the offline workshop, and list the buckets.

    PYTHONPATH=scripts python media/record_run.py

It writes media/drawings/run.json, from which the pictures are drawn. So drawing needs no running
system, and draws the same each time. Record again when names or the streamer's lines change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kit import samples
from kit.emulators import instance
from kit.emulators.system import OfflineSystem
from kit.stack.journey import DELIVERED, PROCESSED, Journey
from kit.stack.stack import EMAIL, STACK_NAME, Stack
from kit.stack.template import parameter_default

RUN = Path(__file__).with_name("drawings") / "run.json"
TEXT = "Look who is here"
BUCKETS = ("TwitterBucket", "RekognitionBucket")


def record(system: OfflineSystem, stack: Stack) -> dict[str, Any]:
    """Post a photo and return what it leaves behind.

    Returns:
        region: where the stack is.
        text: what the post says.
        function: the name of RekognitionLambdaFunction.
        buckets: for each bucket its `name` and its `objects`, a list of `key` and `bytes`.
        line: the JSON line that Firehose delivered, with the photo host of the real X.
    """
    streamer = instance.start_streamer(system, instance.boot(system.folder, stack))
    instance.wait_until_connected(streamer)
    media_id = system.x.upload(samples.ensure()[samples.MATCH].read_bytes())
    journey = Journey(stack, system.x.post(TEXT, [media_id]), media_id)
    key = journey.reach(DELIVERED)
    journey.reach(PROCESSED)
    streamer.stop()
    s3 = system.aws.client("s3")
    buckets = {}
    for logical_id in BUCKETS:
        name = stack.resource(logical_id)
        found = s3.list_objects_v2(Bucket=name).get("Contents", [])
        objects = [{"key": entry["Key"], "bytes": entry["Size"]} for entry in found]
        buckets[logical_id] = {"name": name, "objects": objects}
    body = s3.get_object(Bucket=buckets["TwitterBucket"]["name"], Key=key)["Body"].read()
    host = parameter_default("PhotoUrlPrefix")
    return {
        "region": system.aws.region,
        "text": TEXT,
        "function": stack.resource("RekognitionLambdaFunction"),
        "buckets": buckets,
        "line": body.decode().strip().replace(f"{system.x_url}/media/", host),
    }


def main() -> None:
    """Record a run of the stack that the launch link launches."""
    with OfflineSystem() as system:
        system.wait_until_ready()
        stack = Stack.launch(system.aws, system.parameters(EMAIL), name=STACK_NAME)
        RUN.write_text(json.dumps(record(system, stack), indent=2) + "\n")
    print(f"Recorded: {RUN}")


if __name__ == "__main__":
    main()
