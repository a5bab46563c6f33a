"""Publish the template to a bucket, and rewrite the launch links to it."""
