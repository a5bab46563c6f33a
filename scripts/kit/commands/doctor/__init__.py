"""The doctor: why does nothing happen? It looks at every hop of a photo, on AWS and offline.

It changes nothing: it lists, describes and gets, and takes no message out of the failure queue.
On AWS one of its calls costs money: DetectFaces on the reference photo, billed as one image.

Its files:

- command: looks at all hops, prints what it finds
- finding: what a hop is called, and what is to be said of it
- stack_context: the stack that is looked at
- account: credentials and the stack
- streamer: the keys of X, the instance and the streamer
- delivery: the delivery stream, the buckets and their triggers
- permissions: what a role may no longer do
- function_runs: the functions' runs, from their logs
- function_code: a function's code, and how to change it
- functions: the functions and the failure queue
- matches: the reference photo, the table, the outcomes, the mails
"""
