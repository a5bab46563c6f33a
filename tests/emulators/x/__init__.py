"""The emulated X, spoken to over HTTP as its clients do, with requests and with tweepy."""
