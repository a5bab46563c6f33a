"""Events that name no photo: those of the button Test in the Lambda console, and of other services.

Each is shorter than the real one, with what code could look at: Lambda Developer Guide, "Testing
Lambda functions in the console", and the guide's chapter about each service; S3 User Guide, "Event
message structure", for s3:TestEvent; EventBridge User Guide, "AWS service events".
"""

from __future__ import annotations

from kit.jsonl import Json

# The first template of the button Test.
HELLO_WORLD: Json = {"key1": "value1", "key2": "value2", "key3": "value3"}
# That one; an empty one; S3's test of a destination; a clock.
WITHOUT_RECORDS: list[Json] = [
    HELLO_WORLD,
    {},
    {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "example-bucket"},
    {"detail-type": "Scheduled Event", "source": "aws.events", "resources": [], "detail": {}},
]
# The console's templates for SNS and SQS.
OF_OTHER_SERVICES: list[Json] = [
    {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "Sns": {"Type": "Notification", "Subject": "example", "Message": "example message"},
            }
        ]
    },
    {"Records": [{"eventSource": "aws:sqs", "body": "Hello from SQS!", "messageAttributes": {}}]},
]
