"""The consumer kit: apply each record once, in one unit with its effect; set poison aside."""
