"""The double-entry ledger: accounts, transfers, pending transfers, entries."""
