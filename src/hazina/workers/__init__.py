"""Workers: loops that carry out what the database says is due."""
