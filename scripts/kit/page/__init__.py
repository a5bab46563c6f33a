"""The offline workshop's page: post as on X, watch the photo travel, read the mail.

    PYTHONPATH=scripts python -m kit.page --port 4580

It shows the workshop that `workshop.py start` has started (see `running`), and asks its parties as
anybody could: with boto3 and HTTP. The data goes one way: `parties` are asked by the `hops`, which
write down in `known` what is new; `watcher` calls them twice a second and makes versions of it;
`server` gives these to the browser (static/), which waits at GET /state for the next one.
"""
