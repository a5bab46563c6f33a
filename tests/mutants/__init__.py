"""Mutation testing: break the code in one place after the other, and see which tests notice."""
