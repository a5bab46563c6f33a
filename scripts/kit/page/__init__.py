"""The offline workshop's page: post as on X, watch the photo travel, read the mail.

    PYTHONPATH=scripts python -m kit.page --port 4580

It shows the workshop that `workshop.py start` has started (see `running`). The data goes one way:
the `pollers` ask the `services` as anybody could, with boto3 and HTTP, and write news into `state`;
`watcher` runs them when `activity` says that something happens, and makes versions of the state;
`app` sends these to the browser, which got its files from static/ and waits at GET /state for the
next version.

What the learner does on it goes the other way, each a call that could be typed as well: `actions`
(post, reference photo, confirm, redrive), `exercise`, `events` and `check` (the tab Code), `launch`
(the stack) and `streamer`; `routes` has their addresses. `data/` is the tab Data. `steps`,
`instructions` and `hints` are what they read.
"""
