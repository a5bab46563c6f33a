"""The demo: the whole workshop once, offline or in an account on AWS.

- command: the command and its options
- offline: the steps in the emulated AWS, X and Rekognition, with every stage of every photo
- progress: what both print, and the outcome of a photo
"""
