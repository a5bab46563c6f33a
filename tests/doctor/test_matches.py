"""The reference photo and the e-mail subscription."""

from __future__ import annotations

import time

import pytest

from doctor.checked_workshop import HANDLER, CheckedWorkshop, fake_context
from kit.commands.doctor.finding import REFERENCE, REKOGNITION, SUBSCRIPTION
from kit.commands.doctor.matches import check_subscription
from kit.commands.doctor.reference import encrypted_reference
from kit.emulators.system import OfflineSystem
from kit.stack.stack import EMAIL
from support import wait_until

pytestmark = pytest.mark.usefixtures("terminal")


def test_the_subscription_is_not_confirmed(system: OfflineSystem) -> None:
    workshop = CheckedWorkshop(system)
    workshop.do_all_steps(confirm=False)
    workshop.compare()
    finding = workshop.diagnose(SUBSCRIPTION)
    assert EMAIL in finding.message
    assert "Confirm subscription" in finding.fix
    workshop.stack.confirm_subscription()
    workshop.is_well()
    sns, topic = workshop.client("sns"), workshop.stack.resource("MatchTopic")
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert "aws sns subscribe" in workshop.diagnose(SUBSCRIPTION).fix
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="other@example.com")
    assert "other@example.com has not" in workshop.diagnose(SUBSCRIPTION).message
    token = workshop.system.aws.outbox()[-1]["token"]
    sns.confirm_subscription(TopicArn=topic, Token=token)
    assert f"{EMAIL}, of the launch, gets no e-mail" in workshop.is_well()[SUBSCRIPTION].message
    workshop.close()


def test_aws_lists_an_unconfirmed_subscription_without_its_arn() -> None:
    subscription = {
        "SubscriptionArn": "PendingConfirmation",
        "Protocol": "email",
        "Endpoint": "me@example.com",
    }
    context = fake_context(list_subscriptions_by_topic={"Subscriptions": [subscription]})
    assert check_subscription(context).message == "me@example.com has not confirmed it"


def test_a_subscription_that_was_confirmed_is_suspended() -> None:
    subscription = {
        "SubscriptionArn": "PendingConfirmation",
        "Protocol": "email",
        "Endpoint": "me@example.com",
    }
    context = fake_context(
        get_metric_statistics={"Datapoints": [{"Sum": 11.0}, {"Sum": 1.0}]},
        list_subscriptions_by_topic={"Subscriptions": [subscription]},  # the only pages
    )
    finding = check_subscription(context)
    assert finding.message == "me@example.com had confirmed it, and has to do so again"
    assert "SNS delivered 12 mails" in finding.cause
    assert "aws sns subscribe" in finding.fix


def test_too_many_mails_suspend_the_subscription(workshop: CheckedWorkshop) -> None:
    workshop.faults.aws("email", per_second=0)
    workshop.compare()
    workshop.faults.end()
    assert f"{EMAIL} has not confirmed it" in workshop.diagnose(SUBSCRIPTION).message
    workshop.fix(workshop.diagnose(SUBSCRIPTION), after="To get it again: ")
    workshop.stack.confirm_subscription()
    workshop.is_well()


def test_the_reference_is_encrypted_with_a_key_of_the_account(workshop: CheckedWorkshop) -> None:
    kms, s3 = workshop.client("kms"), workshop.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    bucket = workshop.stack.resource("RekognitionBucket")
    s3.put_object(
        Bucket=bucket,
        Key="celebrity.jpg",
        Body=workshop.photo("obama.jpg"),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    finding = workshop.diagnose(REFERENCE)
    assert finding.message == f"celebrity.jpg is encrypted with the KMS key {key}"
    workshop.fix(finding)
    assert workshop.is_well()[REFERENCE].message.startswith("celebrity.jpg shows 1 face")


@pytest.mark.parametrize(
    ("manager", "found"), [("AWS", None), ("CUSTOMER", "is encrypted with the KMS key aws/s3")]
)
def test_every_role_may_use_the_key_that_aws_manages(manager: str, found: str | None) -> None:
    context = fake_context(
        head_object={"ServerSideEncryption": "aws:kms"},
        describe_key={"KeyMetadata": {"KeyManager": manager}},
    )
    finding = encrypted_reference(context, "celebrity.jpg")
    assert finding is None if found is None else finding and found in finding.message


def test_the_reference_has_another_name(workshop: CheckedWorkshop) -> None:
    s3, bucket = workshop.client("s3"), workshop.stack.resource("RekognitionBucket")
    for name in ("me.jpg", "images/celebrity.jpg", "celebrity.jpg.jpg"):
        s3.delete_object(Bucket=bucket, Key="celebrity.jpg")
        workshop.upload_reference(name=name)
        workshop.tweet()
        wait_until(lambda: "celebrity.jpg is not there yet" in workshop.log())
        finding = workshop.diagnose(REFERENCE)
        assert name in finding.message
        assert finding.fix == f"aws s3 cp s3://{bucket}/{name} s3://{bucket}/celebrity.jpg"
        s3.delete_object(Bucket=bucket, Key=name)
        assert "YOUR-PHOTO" in workshop.diagnose(REFERENCE).fix
    workshop.upload_reference()
    workshop.compare()
    workshop.is_well()


def test_the_reference_is_in_the_other_bucket(workshop: CheckedWorkshop) -> None:
    s3, bucket = workshop.client("s3"), workshop.stack.resource("RekognitionBucket")
    other = workshop.stack.resource("TwitterBucket")
    s3.delete_object(Bucket=bucket, Key="celebrity.jpg")
    s3.upload_file(str(workshop.pictures["obama.jpg"]), other, "celebrity.jpg")
    wait_until(lambda: "rejected" in workshop.log("Twitter"))
    finding = workshop.diagnose(REFERENCE)
    assert finding.fix == f"aws s3 mv s3://{other}/celebrity.jpg s3://{bucket}/celebrity.jpg"


def test_the_reference_shows_no_face(workshop: CheckedWorkshop) -> None:
    workshop.put_code(  # a solution that lets Rekognition's error through
        "import boto3, os\n"
        + HANDLER
        + "    bucket = event['Records'][0]['s3']['bucket']['name']\n"
        "    key = event['Records'][0]['s3']['object']['key']\n"
        "    print(key)\n"
        "    boto3.client('rekognition').compare_faces(\n"
        "        SourceImage={'S3Object': {'Bucket': bucket, 'Name': 'celebrity.jpg'}},\n"
        "        TargetImage={'S3Object': {'Bucket': bucket, 'Name': key}})\n"
    )
    workshop.upload_reference("landscape.jpg")
    workshop.tweet()
    wait_until(lambda: "InvalidParameterException" in workshop.log())
    finding = workshop.diagnose(REFERENCE)
    assert "shows no face" in finding.message
    assert "aws s3 cp YOUR-PHOTO" in finding.fix
    workshop.upload_reference(b"no picture")
    assert "Rekognition cannot use celebrity.jpg" in workshop.diagnose(REFERENCE).message
    wait_until(workshop.failures)
    time.sleep(1)  # S3's times are whole seconds
    workshop.upload_reference()
    assert "before the reference photo" in workshop.is_well()[REKOGNITION].message
    workshop.tweet("landscape.jpg")  # now it is the code's fault
    wait_until(lambda: workshop.failures() == 2)
    assert "shows no face" in workshop.diagnose(REKOGNITION).cause
