"""What goes wrong in words: the error that all rooms raise for the learner to read."""


class WorkshopError(Exception):
    """Something failed; the message says what, why, and what to do next."""
