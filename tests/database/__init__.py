"""What the database broker promises beyond the contract: transactions, connections, plans."""
