"""Proofs with whole processes, servers and signals, apart from the tests: `make drills`."""
