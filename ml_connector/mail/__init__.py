"""Sending mail: what a message looks like, and how exactly its delivery ended."""
