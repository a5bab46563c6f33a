"""An emulated X on 127.0.0.1: the parts of the X API v2 that the workshop needs, and a photo host.

Run it with `python -m kit.emulators.x --port 4570`. It answers with X's own words and shapes
(https://docs.x.com/x-api), so a program that works with it works with api.twitter.com too. Paths
below /_workshop/ exist only here: they show what was posted, and make faults happen on purpose.

A post goes one way through it: `posting` takes it, `memory` keeps it, and `stream` puts it on the
streamer's connection if a rule matches. The photo is then asked for at `photo_host`.

Its files, each of which imports only from those above it:

- ids: ids of posts, and the time, as X writes them
- posts: what a post is, and its photos and videos
- descriptions: what X says of a post, and which fields of that a request wants
- rules: a rule, such as `from:me has:images`, becomes a function
- problems: errors, in X's words
- bodies: the JSON or the file in the body of a request
- rule_set: the rules of an app, added and deleted
- memory: users, posts, photos and rules, also after a restart
- keys: who is asking?
- connection: the open connection of the filtered stream
- stream: the filtered stream: its rules, who may connect, what is delivered
- search: the search for recent posts
- photos: what is decoded of a photo: how large it is, and what the photo host makes of it
- posting: what a user's keys open: who they are, uploads and posts
- broken_photos: what the photo host sends instead, on purpose
- photo_host: where the photos of posts are downloaded
- faults: breaks something, on purpose
- overview: what was posted, and how the emulated X is
- server: all of them together, at their paths
- __main__: the command

Others post with x_client, which is outside, because it needs nothing of all this.
"""
