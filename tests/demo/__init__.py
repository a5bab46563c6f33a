"""`workshop.py demo`, offline and in an account on AWS."""
