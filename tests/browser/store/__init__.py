"""A small shop: its tasks are found by autodiscovery."""
