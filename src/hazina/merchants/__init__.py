"""Merchants in a mode, and their API keys."""
