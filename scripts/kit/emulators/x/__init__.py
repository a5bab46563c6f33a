"""An emulated X on 127.0.0.1: the parts of the X API v2 that the workshop needs, and a photo host.

Run it with `python -m kit.emulators.x --port 4570`. It answers with X's own words and shapes
(https://docs.x.com/x-api), so a program that works with it works with api.twitter.com too. Paths
below /_workshop/ exist only here: they show the posts, and make X fail on purpose.

A post goes one way through it: `posting` takes it, `store` keeps it, and `stream` puts it on the
streamer's connection if a rule matches. `photos` then serves its photo.

Its files, each of which imports only from those above it:

- errors: errors, in X's words
- posts: posts, photos and videos; ids and the time, as X writes them
- fields: X's objects for a post, and the fields of them that a request asks for
- rules: a rule, such as `from:me has:images`, becomes a function; the rules of an app
- requests: the JSON or the file in the body of a request
- store: users, posts, photos and rules, also after a restart
- auth: the keys that a request has to show
- faults: failures on purpose
- connection: the open connection of the filtered stream
- stream: the filtered stream: its rules, its connection, the posts that are delivered
- search: the search for recent posts
- photos: the photo host
- posting: the requests of a user: uploads and posts
- admin: the paths below /_workshop/
- app: all of them together, at their paths
- __main__: the command

kit/x_client.py posts to it.
"""
