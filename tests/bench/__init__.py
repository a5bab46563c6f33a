"""What `make bench` measures: v2, this version, beside the design of v1 (2018).

    PYTHONPATH=scripts:tests python -m bench

Both work on the same posts and photos, against the same emulators, in turns. What the table
says is the median of the rounds. Calls are counted where they are made, and again in the emulated
AWS's own log (CloudTrail); the bench stops if the two differ.
"""
