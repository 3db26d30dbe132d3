"""Whatever anybody wrote anywhere is text on every page."""
