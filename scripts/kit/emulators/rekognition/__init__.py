"""Offline Rekognition: CompareFaces and DetectFaces on 127.0.0.1, computed from the pictures.

    PYTHONPATH=scripts python -m kit.emulators.rekognition --port 4600

    boto3.client("rekognition", endpoint_url="http://127.0.0.1:4600")

It speaks the service's AWS JSON 1.1 protocol with its limits and error codes (Amazon Rekognition
API Reference, "CompareFaces", and Developer Guide, "Error handling" and "Guidelines and quotas").
Signatures are not verified: the access key only says who calls. Whether that caller may do it is
asked of the offline AWS at AWS_ENDPOINT_URL, which knows the roles; S3 objects come from there too.
Without AWS_ENDPOINT_URL everybody may, and pictures must be sent as bytes.

For tests and for workshop.py:

    GET  /_workshop/ready        200 when the models are loaded, 503 before
    GET  /_workshop/stats        {"calls": {"CompareFaces": 3}, "seconds": 0.9}
    GET  /_workshop/comparisons  the last 100, oldest first
    POST /_workshop/faults       {"code": "ThrottlingException", "times": 2, "operation": null,
                                  "per_second": 0}; DELETE ends all faults

Its files, from the network to the pictures; each uses only those below it:

- server: the addresses, and the process that answers there
- workshop: the answers below /_workshop/
- endpoint: a request of the AWS API comes in, an answer or an error goes out
- service: the two operations
- remembered: each picture is looked at once
- workers: the processes that look at pictures, with faces.py
- account: who may do what, and the pictures in S3
- request: what a request says
- faults: errors on purpose
- error: an error as the service sends it
"""
