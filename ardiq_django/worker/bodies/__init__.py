"""Bodies of sync tasks that run in processes of their own, which can really be ended."""
