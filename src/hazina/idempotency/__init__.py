"""Idempotency keys: claimed in the unit of work, answered with stored bytes."""
