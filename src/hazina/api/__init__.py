"""The public API over HTTP, in Stripe's v1 shape; nothing is decided here."""
