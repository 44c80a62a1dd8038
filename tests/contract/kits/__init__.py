"""What the conformance suite must know of each connector: one module for each, named after it."""
