"""The reading side of Kafka: a consumer group's member that commits what was applied."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from hazina.consuming.record import Consumed, consumed
from hazina.consuming.service import Applying
from hazina.db.away import AWAY
from hazina.kafka.record import headers_of, topics

_log = structlog.get_logger("hazina.kafka")
_RECORDS_MAX = 1_000
_TIMES_SECONDS_MAX = 20


class KafkaReading:
    """Brings a consumer the records of its group's partitions, each at least once.

    A place is committed after its records were applied or set aside. While the database is away
    nothing is committed and the same records are brought again.
    """

    def __init__(
        self,
        brokers: str,
        options: Mapping[str, str],
        prefix: str,
        applying: Applying,
        *,
        since: datetime | None = None,
    ) -> None:
        quiet = logging.getLogger("hazina.kafka.library")
        quiet.setLevel(logging.CRITICAL)
        self._applying = applying
        self._since_ms = int(since.timestamp() * 1000) if since else None
        self._pending: list[Message] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "client.id": f"hazina-{applying.name}",
                **options,
                "group.id": f"{prefix}.{applying.name}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "partition.assignment.strategy": "range",
                "session.timeout.ms": 10_000,
                "reconnect.backoff.max.ms": 1_000,
                "topic.metadata.refresh.interval.ms": 10_000,
                "logger": quiet,
            }
        )
        self._consumer.subscribe(list(topics(prefix)), on_assign=self._given, on_revoke=self._taken)

    async def step(self, wait_ms: int = 500) -> int:
        """Bring what has come and commit it; return how many records there were."""
        if not self._pending:
            await asyncio.to_thread(self._collect, wait_ms)
            if not self._pending:
                return 0
        await self._applying.apply([_record(message) for message in self._pending])
        count = len(self._pending)
        await asyncio.to_thread(self._commit, _places(self._pending))
        self._pending = []
        return count

    async def run(self, stop: asyncio.Event, pause_ms: int, sleep: Any) -> None:
        """Bring records until told to stop, and try again what was set aside."""
        while not stop.is_set():
            try:
                found = await self.step()
                await self._applying.retry_due()
            except AWAY as problem:
                _log.warning("consumer_waits", problem=type(problem).__name__)
                await sleep(pause_ms)
                continue
            if not found:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Leave the group, so that others take over at once."""
        await asyncio.to_thread(self._consumer.close)

    def _collect(self, wait_ms: int) -> None:
        """Take what has come. A rebalance on the way drops what was taken before it.

        Taken one by one: a batch of the library's may hold records from before and after a
        rebalance, and then an object's records are out of order.
        """
        message = self._consumer.poll(wait_ms / 1000)
        while message is not None:
            if self._sound(message):
                self._pending.append(message)
            if len(self._pending) >= _RECORDS_MAX:
                return
            message = self._consumer.poll(0)

    def _commit(self, places: list[TopicPartition]) -> None:
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            # Applied all the same: whoever is brought these records again knows them.
            _log.warning("consumer_place_not_kept", problem=error.args[0].str())

    def _given(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._since_ms is not None:
            asked = [TopicPartition(p.topic, p.partition, self._since_ms) for p in partitions]
            partitions = consumer.offsets_for_times(asked, timeout=_TIMES_SECONDS_MAX)
            self._since_ms = None
        consumer.assign(partitions)

    def _taken(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._pending = []

    def _sound(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            _log.warning("consumer_waits", problem=error.str())
        return error is None


def _record(message: Message) -> Consumed:
    place = f"{message.topic()}/{message.partition()}/{message.offset()}"
    return consumed(headers_of(message.headers()), message.value() or b"", place)


def _places(messages: Sequence[Message]) -> list[TopicPartition]:
    """Return the place behind the last record of each partition."""
    ends: dict[tuple[str, int], int] = {}
    for message in messages:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        ends[topic, partition] = offset + 1
    return [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]
