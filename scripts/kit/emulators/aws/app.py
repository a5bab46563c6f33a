"""Puts the emulator together: ministack, the plug-ins, and the middleware around it."""

from __future__ import annotations

from ministack import app as ministack

from kit.emulators.aws import (
    admin,
    changes,
    cloudformation,
    cloudtrail,
    ec2,
    faults,
    firehose,
    lambda_,
    lambda_invocations,
    lambda_limits,
    protocols,
    s3,
    signatures,
    sns,
    store,
    validation,
)
from kit.emulators.aws.asgi import as_if_over_tls
from kit.http import Guard
from kit.limits import LAMBDA_REQUEST_BYTES, MIB

# Bytes of a request. Lambda's own limit is the largest, and is told in Lambda's own words.
MAX_BODY = LAMBDA_REQUEST_BYTES + MIB

PLUGINS = (
    *(cloudformation, cloudtrail, ec2, firehose, s3, signatures, sns, store, validation),
    *(lambda_, lambda_invocations, lambda_limits),
    *(changes, protocols),
    faults,  # wraps the queue of `lambda_`, so it comes later
)


def install() -> None:
    """Install the plug-ins, and the middleware that a request passes on its way to ministack."""
    for plugin in PLUGINS:
        plugin.install()
    # From the inside out: a request passes the guard first and the faults last.
    application = faults.with_faults(ministack.app)
    application = as_if_over_tls(application)
    application = signatures.with_signatures(application)
    application = admin.with_admin(application)
    ministack.app = Guard(application, MAX_BODY)
