"""The admin's pages, over every broker."""
