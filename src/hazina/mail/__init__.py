"""Mail: telling a merchant, or the operator, what webhooks cannot tell."""
