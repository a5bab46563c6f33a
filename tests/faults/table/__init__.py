"""The faults, one function each: it breaks something, posts, and says what is to become of it."""

from faults.table import aws, firehose, kills, photos, stream
from faults.table.registry import Fault

KINDS = (stream.fault, firehose.fault, photos.fault, aws.fault, kills.fault)
FAULTS: dict[str, Fault] = {name: fault for kind in KINDS for name, fault in kind.items()}
LONG: set[str] = {name for kind in KINDS for name in kind.long}
