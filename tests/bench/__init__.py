"""What `make bench` measures: this edition beside the design of the first one.

    PYTHONPATH=scripts:tests:media python -m bench

Both work on the same posts and photos, against the same emulated parties, in turns. What the table
says is the median of the rounds. Calls are counted where they are made, and again in the emulated
AWS's own log (CloudTrail); the bench stops if the two differ.
"""
