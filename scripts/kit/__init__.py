"""What the workshop kit is made of: commands, emulators, the page, and what they share."""
