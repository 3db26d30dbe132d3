"""How all queues stand, at a glance."""
