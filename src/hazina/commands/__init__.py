"""What must be done at a provider."""
