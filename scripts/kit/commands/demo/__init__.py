"""The demo: the whole workshop once, offline or in an account on AWS.

- command: the command and its options
- offline: the steps in the emulated AWS, X and Rekognition, with every stage of every photo
- on_aws: the steps in an account on AWS, without X
- preflight: what would fail there, before anything is launched
- temporary_stack: launches the stack, and deletes it whatever happens
- progress, logs: what both print, and what they keep when they fail
"""
