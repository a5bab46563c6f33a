"""Limits of the services, as they document them; the emulators and the page hold them."""

from __future__ import annotations

MIB = 1024 * 1024

# X
POST_CHARACTERS = 280
POST_PHOTOS = 4
UPLOAD_BYTES = 32 * MIB  # a photo of a post, before X converts it
UPLOAD_PIXELS = 8192 * 8192

# Rekognition
S3_IMAGE_BYTES = 15 * MIB  # a picture that is read from S3
REQUEST_IMAGE_BYTES = 5 * MIB  # a picture in the request itself

# CloudFormation
TEMPLATE_BODY_BYTES = 51_200  # a template in a request
TEMPLATE_OBJECT_BYTES = MIB  # a template in S3

# Lambda
LAMBDA_REQUEST_BYTES = 69_905_067  # with a deployment package, which is 50 MB in base64

# This kit's own: a file of some kilobytes can declare gigabytes of pixels.
IMAGE_PIXELS = 50_000_000
