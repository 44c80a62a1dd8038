"""The crash matrix: flows and behaviours that are registered, and the harness that crosses them."""
