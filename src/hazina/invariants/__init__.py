"""What is true at any moment, I1 to I16, as named checks over the database and provider's books."""
