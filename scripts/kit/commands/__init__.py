"""The commands of scripts/workshop.py, one file or folder each."""
