"""What everything asks of a stack: find it, its resources, its code, wait for it."""
