"""The defects that were found in a peer by running it, A1 to A26: each recipe run here, for real, and nothing happens.

Which test holds which of them, and what comes out, stands in one table: docs/reliability.md, "Defects of a peer"."""
