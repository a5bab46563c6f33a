"""What ministack, our emulated AWS, lacks for the workshop: plug-ins, and the process that runs it.

    PYTHONPATH=scripts python -m kit.emulators.aws

The plug-ins replace private functions of ministack, which is why its version is pinned. Each of
them does what the AWS documentation says where ministack answers but does nothing. A plug-in is a
file with a function install(), which puts it in; __main__ calls them all.

What ministack lacks:

- instance: an EC2 instance in a stack
- metadata: its role's credentials, from the instance metadata service
- secret: a secret's ARN as what Ref gives, which a role's policy refers to
- buffer: Firehose's buffer: records that arrive together become one object
- events: Lambda's queue for asynchronous events, with a bounded number of invocations at once
- logs: time for the last lines of a function's log, which come late on a busy computer; a line in
  it when the function's code cannot be loaded, or takes too long; the handler of the root logger,
  through which `logging` reaches it
- subscriptions: e-mail subscriptions that wait for confirmation
- outbox: what was mailed
- permissions: the roles' policies where ministack acts for a role: Lambda's logs and failures, and
  Firehose; the question whether a caller may do something, which the emulated Rekognition asks;
  what was refused to whom, as AWS CloudTrail keeps it
- calls: how many calls are in CloudTrail's log, of which LookupEvents gives no more than 50
- state: a state that is saved while the emulator runs, and what was on its way when it ended

Faults, made on purpose:

- faults: what goes wrong, and how often or how long
- failing_requests: requests that fail
- held_events: events that come late, in reverse order and twice

How the others reach it:

- pages: what is below /_workshop/
- tls: requests count as sent over TLS
- __main__ refuses requests that come from web pages

What these share:

- sessions: temporary credentials of a role
- kept: what survives a restart, besides what ministack keeps itself
- body: a request's body
- clock: the time, as AWS writes it
"""
