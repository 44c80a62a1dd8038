"""The event log: one event per visible version of an object."""
