"""The emulators, seen from outside."""
