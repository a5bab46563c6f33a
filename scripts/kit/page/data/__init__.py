"""The tab Data: what is in the stack's buckets, table, queue, topic, logs and secrets.

`places` knows what there is to open, `buckets` and `views` read it, each view with the command of
the AWS CLI that shows the same, and `routes` has the addresses.
"""
