"""Kafka: the relay that carries the event log out, and the reading of what it carried."""
