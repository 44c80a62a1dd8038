"""Wires what carries events out to Kafka and what reads them there, where Kafka is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from hazina.bootstrap.settings import Settings
from hazina.clock import Clock
from hazina.consuming.record import Handler
from hazina.consuming.service import Applying
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.ids import Ids
from hazina.kafka.relay import Relay, RelaySettings
from hazina.reports.daily_totals import DailyTotals

if TYPE_CHECKING:
    from hazina.kafka.reading import KafkaReading

HANDLERS: Mapping[str, Callable[[Reader], Handler]] = {DailyTotals.name: DailyTotals}
"""The consumers that are shipped, by name."""


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


def applying(reader: Reader, writer: Writer, clock: Clock, name: str) -> Applying:
    """Return what applies records for a consumer. Raises KeyError for a name that is none."""
    return Applying(reader=reader, writer=writer, clock=clock, handler=HANDLERS[name](reader))


def reading(settings: Settings, to: Applying, since: datetime | None) -> KafkaReading:
    """Return a member of the consumer's group; from a moment on, or from where it was."""
    from hazina.kafka.reading import KafkaReading

    return KafkaReading(
        settings.kafka_brokers, settings.kafka_options, settings.kafka_topic_prefix, to, since=since
    )
