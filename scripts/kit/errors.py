"""What goes wrong in words: the errors that all rooms raise for the learner to read."""


class WorkshopError(Exception):
    """Something failed; the message says what, why, and what to do next."""


class InputError(WorkshopError):
    """The learner can put it right: a wrong name, a missing file, a step that comes too early."""
