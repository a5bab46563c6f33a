"""The doctor: why does nothing happen? It checks every stage of a photo, on AWS and offline.

It changes nothing: it lists, describes and gets, and takes no message out of the failure queue.
On AWS one of its calls costs money: DetectFaces on the reference photo, billed as one image.

- command: the command and its output
- stages: all stages in order, with the function that checks each
- finding: what a stage is called, and what was found there
- fixes: the commands that fix what was found
- stack_context: the stack, and what AWS says about it
- workshop: the check of what only offline mode has
- account, matches, streamer, delivery, triggers, functions, reference: the checks
- permissions, function_code, function_runs: what the checks of several functions share
"""
