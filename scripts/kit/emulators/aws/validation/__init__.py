"""What CloudFormation refuses, in AWS's words and at AWS's moment.

requests     the calls, which it refuses with a ValidationError because of
  template     a template whose parts do not fit together: sections, references, circles
    functions    calls of functions
  parameters   parameters that do not fit the template
deployment   properties: before the deployment, or when their resource's turn comes
  properties   schemas of the types
roles        roles that a service may not assume, and what else Lambda refuses
buckets      names of buckets, notifications without permission, buckets that are not empty
deletion     what is in use
"""

from __future__ import annotations

from kit.emulators.aws.validation import buckets, deletion, deployment, requests, roles


def install() -> None:
    """Let CloudFormation, and the services behind it, refuse what AWS refuses."""
    for part in (requests, deployment, roles, buckets, deletion):
        part.install()
