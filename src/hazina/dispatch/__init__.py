"""Sending commands to providers and asking what became of them."""
