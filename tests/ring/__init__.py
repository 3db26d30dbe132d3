"""The ring around the engine: settings, checks, transactions, connections, the command."""
