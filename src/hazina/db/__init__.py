"""Units of work, the writer that commits them, and the two stores behind it."""
