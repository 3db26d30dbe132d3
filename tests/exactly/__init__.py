"""Effects in a database, exactly once."""
