"""How a live system is: invariants, stuck work, lags, slots, breakers."""
