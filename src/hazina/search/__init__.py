"""Stripe's search query language: from a client's text to conditions on columns that we name."""
