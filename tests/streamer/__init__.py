"""The streamer, run as a learner runs it.

It meets the emulated X and AWS of offline mode, and two fakes that do what those never do: an X
with other habits, and a Firehose that fails. Whatever a test is about, the streamer must print no
key and no traceback: see `harness.Streamer.finish`.
"""
