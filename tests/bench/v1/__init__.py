"""v1's design, rebuilt to be measured beside v2. It is not part of the product.

One PutRecord for each photo, with indented JSON; Firehose waits for 60 s; the photos of an object
are downloaded one after the other to disk; DetectFaces twice and CompareFaces once for each photo;
GetItem, UpdateItem and a mail for each face that matches.
"""
