"""Customers: the people and companies that a merchant charges."""
