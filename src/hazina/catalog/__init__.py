"""The catalog: what a merchant sells (products) and for how much (prices)."""
