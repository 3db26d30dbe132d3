"""What only the Redis broker promises: its keys, its scripts, its connections, and what they survive."""
