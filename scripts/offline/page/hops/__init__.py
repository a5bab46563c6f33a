"""The hops of a photo: for each, how to look at what is new, and what is in it."""
