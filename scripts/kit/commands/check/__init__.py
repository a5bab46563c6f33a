"""`workshop.py check`: is the exercise solved?

The function is deployed into the template's stack in an offline system of its own, gets events like
those of S3, and the faces are really compared. Each case judges only what a learner can see:
e-mails, the log, and whether the function failed. How it is written is the learner's business.

There is no sandbox: the code runs on this computer with the learner's rights, as it does when they
start it with `python`.

- rows: the same for the page, case by case
- command: the command, its table and its exit code
- code: where the code comes from; can Lambda load it?
- run: tries a function on the cases, several at once
- cases: what the function must get right
- hints: what a case demands, and the hint if it is not met
- harness: the stack in which a case is tried
- photos: the photos of the cases
- observation: what came of the invocations
- time_budget: when a check gives up
- lambda_entry: runs inside the function, around the learner's code
"""
