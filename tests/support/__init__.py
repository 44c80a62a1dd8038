"""What the tests stand on: servers, builders and checkers."""
