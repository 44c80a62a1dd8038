"""The story of one payment, put together from what was stored anyway."""
