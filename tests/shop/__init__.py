"""A small Django app, whose tasks are found by autodiscovery."""
