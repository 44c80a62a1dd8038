"""Reads a topic of Kafka from its beginning to its end, as any consumer may."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from hazina.kafka.record import headers_of

_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as it was read."""

    key: str
    value: bytes
    headers: dict[str, str]
    partition: int
    offset: int

    @property
    def event_id(self) -> str:
        return self.headers["ce_id"]


def read_all(brokers: str, topic: str) -> list[Seen]:
    """Return all records of a topic; those of one partition in their order."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "tests-read-all", "enable.auto.commit": False}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS_MAX).topics[topic].partitions
        ends = {}
        for number in partitions:
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, number), timeout=_SECONDS_MAX
            )
            ends[number] = high - low
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        seen: list[Seen] = []
        while missing := sum(ends.values()) - len(seen):
            # It waits until so many have come, not only until some have.
            found = consumer.consume(min(missing, 1_000), timeout=_SECONDS_MAX)
            assert found, f"{len(seen)} of {sum(ends.values())} records came"
            for message in found:
                assert message.error() is None, message.error()
                key, value, partition = message.key(), message.value(), message.partition()
                offset = message.offset()
                assert offset is not None
                assert key is not None
                assert value is not None
                assert partition is not None
                seen.append(
                    Seen(key.decode(), value, headers_of(message.headers()), partition, offset)
                )
        return seen
    finally:
        consumer.close()


def first_appearances(records: list[Seen]) -> list[Seen]:
    """Return the records as one sees them who absorbs repetitions."""
    known: set[str] = set()
    first = []
    for record in records:
        if record.event_id not in known:
            known.add(record.event_id)
            first.append(record)
    return first


def disordered_keys(records: list[Seen]) -> list[str]:
    """Return the keys whose events do not appear by rising sequence, repetitions left out."""
    last: dict[str, int] = {}
    wrong = []
    for record in first_appearances(records):
        sequence = int(record.headers["ce_sequence"])
        if sequence <= last.get(record.key, 0):
            wrong.append(record.key)
        last[record.key] = sequence
    return wrong
