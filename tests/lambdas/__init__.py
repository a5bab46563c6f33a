"""The functions in this process, one by one; what they do when deployed is tested beside this."""
