"""Speed of whole workers and producers, each figure beside the machine's own noise: `make bench`."""
