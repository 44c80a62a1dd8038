"""PaymentIntents, charges and refunds."""
