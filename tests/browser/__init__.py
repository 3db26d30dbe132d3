"""The admin in a real browser, with a server, workers and a small shop behind it."""
