"""X and the instance: the keys, the computer and the streamer on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import requests

from kit.commands.doctor.finding import (
    INSTANCE,
    KEYS,
    STREAM,
    Finding,
    count,
    nothing,
    ok,
    when,
    wrong,
)
from kit.commands.doctor.permissions import lost_permissions
from kit.commands.doctor.stack_context import Json, Patient

CHECKS = ("SystemStatus", "InstanceStatus")  # of EC2


def see_keys(patient: Patient) -> Finding:
    """The secret is there. What is in it is not read: only X knows whether it is right."""
    if deleted := patient.ask("TwitterKeys", "describe_secret").get("DeletedDate"):
        return wrong(
            "their secret is about to be deleted",
            f"Somebody deleted it; until {when(deleted)} it can be restored.",
            f"aws secretsmanager restore-secret --secret-id {patient.ids['TwitterKeys']}",
        )
    return ok("their secret is there")


def see_instance(patient: Patient) -> Finding:
    """The instance runs, and its role may do what the streamer does."""
    instance = patient.ids["StreamingInstance"]
    answer = patient.ask("StreamingInstance", "describe_instances")
    state = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
    if state == "pending":
        return nothing(f"{instance} is starting")
    if state in ("terminated", "shutting-down"):
        return wrong(f"{instance} is {state}", "Somebody terminated it.", patient.relaunch())
    if state != "running":
        return wrong(
            f"{instance} is {state}",
            "The streamer runs on it, so no post arrives.",
            f"aws ec2 start-instances --instance-ids {instance}, then start the streamer again",
        )
    if problem := lost_permissions(patient, "StreamingInstanceRole"):
        return problem
    statuses = patient.ask("StreamingInstance", "describe_instance_status")["InstanceStatuses"]
    if any(status[check]["Status"] == "impaired" for status in statuses for check in CHECKS):
        return wrong(
            f"{instance} runs, but does not pass EC2's checks",
            "Its computer or its system is in trouble.",
            f"aws ec2 stop-instances --instance-ids {instance}, then start-instances",
        )
    return ok(f"{instance} is running")


def see_streamer(patient: Patient) -> Finding:
    """The streamer is connected to X. On AWS only its terminal shows that."""
    mend = "On the instance (step 5): python twitter_streaming.py"
    if patient.x_url:
        return see_offline_streamer(patient.x_url, mend)
    if patient.endpoint:
        return nothing("cannot be seen: TWITTER_API_URL does not say where offline X is")
    if recent := incoming_records(patient, minutes=15):
        return ok(f"it sent {count(recent, 'record')} in the last 15 minutes")
    sent = count(incoming_records(patient, minutes=24 * 60), "record")
    if terminal := patient.outputs.get("ConnectToInstance"):
        mend += f"; its terminal: {terminal}"
    return nothing(
        f"it sent {sent} in the last 24 hours; only its terminal shows whether it is connected "
        "to X",
        mend,
    )


def see_offline_streamer(x_url: str, mend: str) -> Finding:
    """Ask the emulated X, which knows who is connected, and whom it refused."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy between here and 127.0.0.1
        stats: Json = session.get(f"{x_url}/_workshop/stats", timeout=5).json()
    if stats["connected"]:
        return ok("connected to offline X")
    refused = f"X refused it last with {stats['refusal']}; " if stats["refusal"] else ""
    return wrong(
        "not connected to offline X",
        f"It was not started, or it stopped; {refused}its terminal says why.",
        mend,
        KEYS,
        INSTANCE,
        STREAM,
    )


def incoming_records(patient: Patient, minutes: int) -> int:
    """How many records Firehose took lately; CloudWatch is some minutes late."""
    now = datetime.now(UTC)
    answer = patient.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Firehose",
        MetricName="IncomingRecords",
        Dimensions=[{"Name": "DeliveryStreamName", "Value": patient.ids["DeliveryStream"]}],
        StartTime=now - timedelta(minutes=minutes),
        EndTime=now,
        Period=300,
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in answer["Datapoints"]))
