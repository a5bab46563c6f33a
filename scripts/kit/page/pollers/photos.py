"""RekognitionBucket: the photos that TwitterLambdaFunction has stored, and your reference photo."""

from __future__ import annotations

from botocore.exceptions import ClientError

from kit.jsonl import Json
from kit.page.formatting import Content, counted, entry, iso
from kit.page.pollers.objects import BucketPoller, listing
from kit.page.pollers.poller import ContentPoller
from kit.page.services import Services
from kit.page.state import State

SHOWN_PICTURES = 6


def key_of(found: Json) -> str:
    """The media key of an object below images/."""
    return str(found["Key"]).removeprefix("images/").rpartition(".")[0]


class RekognitionBucket(BucketPoller):
    """The photos below images/."""

    stage = "RekognitionBucket"
    prefix = "images/"

    def poll(self) -> None:
        """New photos."""
        for found in self.objects.new(self.physical_id):
            moment = iso(found["LastModified"])
            self.status.arrived(moment)
            etag = found["ETag"].strip('"')
            self.state.posts.reach(key_of(found), "stored", moment, etag=etag, problem=None)
            self.objects.note(found)

    def top(self) -> Json:
        """The listing beside the photos."""
        bucket = self.physical_id
        answer = self.client("s3").list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=50)
        return entry(f"s3://{bucket}", listing(answer.get("Contents", [])))

    def content(self) -> Content:
        """Both listings."""
        bucket, newest = self.physical_id, self.objects.newest(self.physical_id)
        photos = counted(self.status.count, "photos")
        about = f"{photos} below images/. The newest first, and the reference beside them:"
        entries = [
            entry(found["Key"], listing([found]), picture=f"/photos/{key}?from=s3")
            for found in newest[:SHOWN_PICTURES]
            if self.state.posts.photo(key := key_of(found))
        ]
        rest = [entry(f"s3://{bucket}/images/", listing(newest)), self.top()]
        return Content(about, [*entries, *rest], f"aws s3 ls s3://{bucket} --recursive")


class You(ContentPoller):
    """You upload the reference photo."""

    stage = "You"
    service = "The bucket"

    def __init__(self, services: Services, state: State, bucket: RekognitionBucket) -> None:
        super().__init__(services, state)
        self.bucket = bucket

    def poll(self) -> None:
        """Whether it is there, and another one than before."""
        bucket, state, status = self.bucket.physical_id, self.state, self.status
        name = state.reference["name"]
        try:
            head = self.client("s3").head_object(Bucket=bucket, Key=name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            state.reference = {"name": name, "etag": None}
            status.count = 0
            status.note = f"{name} is not uploaded yet"
            return
        etag = head["ETag"].strip('"')
        if etag != state.reference["etag"]:
            moment = iso(head["LastModified"])
            faces = self.faces(bucket, name)
            state.reference = {"name": name, "etag": etag, "modified": moment} | faces
            status.arrived(moment)
            status.note = f"{name} is uploaded"

    def faces(self, bucket: str, name: str) -> Json:
        """How many faces the reference photo shows, or the error of reading it."""
        place = {"Bucket": bucket, "Name": name}
        try:
            found = self.client("rekognition").detect_faces(Image={"S3Object": place})
        except ClientError as error:
            return {"faces": 0, "problem": error.response["Error"]["Message"]}
        faces = len(found["FaceDetails"])
        return {"faces": faces, "problem": "" if faces else "No face is found in it."}

    def content(self) -> Content:
        """The listing with the reference photo."""
        command = f"aws s3 ls s3://{self.bucket.physical_id}"
        picture = "/reference" if self.state.reference["etag"] else ""
        top = self.bucket.top() | {"picture": picture}
        return Content("The reference photo is beside images/:", [top], command)
