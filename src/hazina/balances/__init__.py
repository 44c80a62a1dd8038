"""A merchant's balance and its lines, read from the ledger."""
