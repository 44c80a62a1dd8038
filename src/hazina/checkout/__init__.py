"""Checkout: sessions that sell line items for one payment, and links that open them."""
