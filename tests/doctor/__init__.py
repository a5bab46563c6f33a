"""The doctor: a workshop in which all is well, and then each stage broken in turn."""
