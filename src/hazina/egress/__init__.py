"""Egress: which addresses may be called that somebody else chose, such as those of webhooks."""
