"""What `chaos` is made of: its tasks, its faults, and the judge who finds a cause for each rerun."""
