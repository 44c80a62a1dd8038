"""Amounts as whole minor units of a currency, and the currencies themselves."""
