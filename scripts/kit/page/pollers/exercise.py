"""The exercise's code: is it still the starter's, and has the learner's own compared a photo?"""

from __future__ import annotations

import functools
import io
import zipfile
from datetime import datetime

from kit.page.documents import iso
from kit.page.pollers.look import Look
from kit.stack.template import code_of


@functools.cache
def starter() -> str:
    """The code that RekognitionLambdaFunction is launched with."""
    return code_of("RekognitionLambdaFunction")


class Exercise(Look):
    """The code of RekognitionLambdaFunction and its variables."""

    hop = "RekognitionLambdaFunction"
    party = "The function"
    pause = 2.0

    def look(self) -> None:
        """Another code, or another name of the reference photo."""
        known, name = self.known, self.known.ids[self.hop]
        config = self.client("lambda").get_function_configuration(FunctionName=name)
        variables = config.get("Environment", {}).get("Variables", {})
        reference = variables.get("REFERENCE_PHOTO", known.reference["name"])
        if reference != known.reference["name"]:
            known.reference = {"name": reference, "etag": None}
        if config["CodeSha256"] == known.code["sha"]:
            return
        place = self.client("lambda").get_function(FunctionName=name)["Code"]["Location"]
        archive = zipfile.ZipFile(io.BytesIO(self.parties.download(place)))
        code = archive.read(config["Handler"].rpartition(".")[0] + ".py").decode()
        is_starter = code.strip() == starter().strip()
        known.code = {
            "sha": config["CodeSha256"],
            "starter": is_starter,
            "modified": iso(datetime.fromisoformat(config["LastModified"])),
            # Rekognition forgets its comparisons when it is started again, the table does not.
            "compared": not is_starter and self.has_outcomes(),
        }
        self.box.note = "the starter's code" if is_starter else "your code"

    def has_outcomes(self) -> bool:
        """Whether the table has the outcome of a comparison."""
        found = self.client("dynamodb").scan(
            TableName=self.known.ids["PostsTable"],
            FilterExpression="attribute_exists(outcome)",
            Select="COUNT",
        )
        return bool(found["Count"])
