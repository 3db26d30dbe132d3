"""The admin's pages: Django's own, over what a broker knows."""
