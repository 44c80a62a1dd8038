"""Redis, where an installation has one: shared counts. Nothing that must not be lost."""
