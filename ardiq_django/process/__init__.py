"""A worker process: the queues it serves, its limits, its health, and the processes beside it."""
