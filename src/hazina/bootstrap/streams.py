"""Wires what carries events out to Kafka and what reads them there, where Kafka is set."""

from __future__ import annotations

from hazina.bootstrap.settings import Settings
from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.ids import Ids
from hazina.kafka.relay import Relay, RelaySettings


def relay(
    settings: Settings, reader: Reader, writer: Writer, clock: Clock, ids: Ids
) -> Relay | None:
    """Return the relay to Kafka, or None where no broker is set."""
    if not settings.kafka_brokers:
        return None
    # The client library is loaded only by those who use it.
    from hazina.kafka.producer import KafkaSender

    return Relay(
        reader=reader, writer=writer, clock=clock, ids=ids,
        sender=KafkaSender(settings.kafka_brokers, settings.kafka_options),
        settings=RelaySettings(settings.kafka_topic_prefix, settings.kafka_partitions),
    )  # fmt: skip
