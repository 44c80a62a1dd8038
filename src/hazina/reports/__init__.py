"""Read models: what consumers of events make of them, for people to look at."""
