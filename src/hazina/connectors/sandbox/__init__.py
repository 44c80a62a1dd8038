"""The sandbox: the built-in test-mode card provider."""
