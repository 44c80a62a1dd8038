"""What every connector is: its contract, the six outcomes, the requests it is given."""
