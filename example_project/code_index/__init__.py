"""The project around the app `symbols`: settings and addresses."""
