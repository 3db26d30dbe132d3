"""A small shop: its tasks are found by autodiscovery."""

DEPARTMENTS = ("orders", "catalogue", "newsletter", "reports")
