"""Setup intents: a customer's agreement, and the bank's, to later payments with a card."""
