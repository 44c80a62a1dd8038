"""The simulation's plans, played by real processes on a real PostgreSQL."""
