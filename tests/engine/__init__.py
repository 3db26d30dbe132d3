"""What users of the engine may rely on, held on every broker."""
