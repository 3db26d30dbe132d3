"""The code index: every function, class, method and constant of the standard library, one job for each module."""
