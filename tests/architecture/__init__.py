"""The rules of the house as tests: who may import whom, how long, and what never."""
