"""Launchers of the providers' simulators, each its own process."""
