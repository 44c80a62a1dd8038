"""The sandbox provider itself: a process with its own books, reached only over HTTP."""
