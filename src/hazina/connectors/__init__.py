"""Connectors: one folder for each provider, found by looking and never listed."""
