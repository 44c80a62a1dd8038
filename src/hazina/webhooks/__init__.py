"""Webhooks: where a merchant wants to hear of events, and what has been delivered there."""
