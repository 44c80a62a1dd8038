"""Builds docs/reference from the code: `make docs` runs it, and tests fail while it is stale."""
