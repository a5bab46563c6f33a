"""RekognitionBucket: the photos that TwitterLambdaFunction has stored, and your reference photo."""

from __future__ import annotations

from botocore.exceptions import ClientError

from kit.page.documents import Content, Doc, entry, iso
from kit.page.known import Known
from kit.page.parties import Parties
from kit.page.pollers.look import LookInside
from kit.page.pollers.objects import Objects, listing


class RekognitionBucket(LookInside):
    """The photos below images/."""

    hop = "RekognitionBucket"
    party = "The bucket"

    def __init__(self, parties: Parties, known: Known) -> None:
        super().__init__(parties, known)
        self.objects = Objects(parties, "images/")

    def look(self) -> None:
        """New photos."""
        for found in self.objects.new(self.physical_id):
            moment = iso(found["LastModified"])
            self.box.arrived(moment)
            key = found["Key"].removeprefix("images/").rpartition(".")[0]
            etag = found["ETag"].strip('"')
            self.known.posts.reach(key, "stored", moment, etag=etag, problem=None)

    def top(self) -> Doc:
        """The listing beside the photos."""
        bucket = self.physical_id
        answer = self.client("s3").list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=50)
        return entry(f"s3://{bucket}", listing(answer.get("Contents", [])))

    def content(self) -> Content:
        """Both listings."""
        bucket = self.physical_id
        about = f"{self.box.count} photos below images/, and the reference photo beside them."
        photos = entry(f"s3://{bucket}/images/", listing(self.objects.newest(bucket)))
        return Content(about, [self.top(), photos], f"aws s3 ls s3://{bucket} --recursive")


class You(LookInside):
    """You upload the reference photo."""

    hop = "You"
    party = "The bucket"

    def __init__(self, parties: Parties, known: Known, bucket: RekognitionBucket) -> None:
        super().__init__(parties, known)
        self.bucket = bucket

    def look(self) -> None:
        """Whether it is there, and another one than before."""
        bucket, known, box = self.bucket.physical_id, self.known, self.box
        name = known.reference["name"]
        try:
            head = self.client("s3").head_object(Bucket=bucket, Key=name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            known.reference = {"name": name, "etag": None}
            box.count = 0
            box.note = f"{name} is not uploaded yet"
            return
        etag = head["ETag"].strip('"')
        if etag != known.reference["etag"]:
            moment = iso(head["LastModified"])
            faces = self.faces(bucket, name)
            known.reference = {"name": name, "etag": etag, "modified": moment} | faces
            box.arrived(moment)
            box.note = f"{name} is uploaded"

    def faces(self, bucket: str, name: str) -> Doc:
        """How many faces the reference photo shows, or why it cannot be used."""
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
        return Content("The reference photo is beside images/:", [self.bucket.top()], command)
