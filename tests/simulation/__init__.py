"""The deterministic simulation: whole histories on virtual time, decided by a seed."""
