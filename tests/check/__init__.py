"""workshop.py check: right solutions pass, and each typical mistake fails on its own case."""
