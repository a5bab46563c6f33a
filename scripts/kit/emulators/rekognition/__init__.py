"""Offline Rekognition on 127.0.0.1: CompareFaces and DetectFaces, computed from the pictures.

ListCollections is there as well: it tells, free of charge, whether the service answers.

    PYTHONPATH=scripts python -m kit.emulators.rekognition --port 4600

    boto3.client("rekognition", endpoint_url="http://127.0.0.1:4600")

It speaks the service's AWS JSON 1.1 protocol with its limits and error codes (Amazon Rekognition
API Reference, "CompareFaces", and Developer Guide, "Error handling" and "Guidelines and quotas").
Signatures are not verified: the access key only names the caller. The offline AWS at
AWS_ENDPOINT_URL, which has the roles, decides about permissions; S3 objects come from there
too. Without AWS_ENDPOINT_URL everything is permitted, and pictures must be sent as bytes.

For tests and for workshop.py:

    GET  /_workshop/ready        200 when the models are loaded, 503 before
    GET  /_workshop/stats        {"calls": {"CompareFaces": 3}, "seconds": 0.9}
    GET  /_workshop/comparisons  the last 100, oldest first
    POST /_workshop/faults       {"code": "ThrottlingException", "times": 2, "operation": null,
                                  "per_second": 0}; DELETE ends all faults

Its files, from the network to the pictures; each imports only from those below it:

- __main__: the command
- app: the paths; requests of the AWS API come in, answers or errors go out
- admin: the answers below /_workshop/
- service: the two operations
- face_cache: the faces of the latest pictures
- workers: the processes that find faces
- faces: the face comparison
- s3: the pictures in S3
- requests: the pictures and the threshold of a request
- auth: the caller and the caller's permissions
- faults: errors on purpose
- errors: errors as the service sends them
"""
