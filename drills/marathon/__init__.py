"""What `soak` is made of: its tasks, and the gauges it reads."""
