"""The code before a deploy."""
