"""The code after a deploy."""
