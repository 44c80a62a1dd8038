"""The sending side of Kafka: an idempotent producer; a record is acknowledged or still owed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from hazina.kafka.record import Record, SendFailed

_log = structlog.get_logger("hazina.kafka")
_RECORD_BYTES_MAX = 8 * 1024 * 1024
_TOPIC_SECONDS_MAX = 10
# What a broker says of a record itself: sending it again changes nothing.
_REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD,
        KafkaError._QUEUE_FULL,
    }
)  # fmt: skip


class KafkaSender:
    """Sends stretches of records, in order, each acknowledged by all replicas in sync.

    Records never time out while a broker is away: if one of them did and a later one were
    written, an object's events would be out of order.
    """

    def __init__(self, brokers: str, options: Mapping[str, str]) -> None:
        quiet = logging.getLogger("hazina.kafka.library")
        quiet.setLevel(logging.CRITICAL)  # It repeats itself ten times a second; we say it once.
        self._settings: dict[str, Any] = {
            "bootstrap.servers": brokers,
            "client.id": "hazina-relay",
            **options,
        }
        self._own: dict[str, Any] = {
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": 0,
            "message.max.bytes": _RECORD_BYTES_MAX,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 1_048_576,
            "linger.ms": 5,
            "batch.num.messages": 5_000,
            "compression.type": "lz4",
            "reconnect.backoff.max.ms": 1_000,
            "delivery.report.only.error": True,
            "error_cb": self._notice,
            "logger": quiet,
        }
        self._producer: Producer | None = None
        self._failed: list[tuple[str, int]] = []
        self._refused: dict[tuple[str, str], str] = {}
        self.problem: str | None = None
        """What the library last said was wrong; None after records were acknowledged."""

    async def make_topics(self, names: Sequence[str], partitions: int) -> None:
        """Make topics that are not there; one that cannot be made is left to the operator."""
        admin = AdminClient({**self._settings, "logger": self._own["logger"]})
        wanted = [NewTopic(name, num_partitions=partitions) for name in names]
        try:
            made = await asyncio.to_thread(
                admin.create_topics, wanted, operation_timeout=_TOPIC_SECONDS_MAX,
                request_timeout=_TOPIC_SECONDS_MAX,
            )  # fmt: skip
            for name, future in made.items():
                await self._await_topic(name, asyncio.wrap_future(future))
        except KafkaException as error:
            _log.warning("kafka_topics_not_made", problem=str(error.args[0]))

    async def send(self, records: Sequence[Record]) -> None:
        """Hand records over, to be written in the background. Raises `SendFailed`."""
        if self._producer is None:
            self._producer = Producer({**self._settings, **self._own})
        await asyncio.to_thread(self._hand_over, self._producer, records)

    def _hand_over(self, producer: Producer, records: Sequence[Record]) -> None:
        for record in records:
            name = (record.merchant_id, record.event_id)
            try:
                self._produce(producer, record, name)
            except KafkaException as error:
                self._judge(name, error.args[0])
                raise self._given_up() from None

    def _produce(self, producer: Producer, record: Record, name: tuple[str, str]) -> None:
        try:
            producer.produce(
                record.topic, record.value, record.key, headers=record.headers,
                on_delivery=self._report(name),
            )  # fmt: skip
        except BufferError:
            # A stretch that the library cannot hold at once: it is cut into shorter ones.
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL)) from None

    async def flush(self, within_ms: int) -> bool:
        """Wait for acknowledgements; say whether all came. Raises `SendFailed`."""
        assert self._producer is not None, "records were handed over before"
        left = await asyncio.to_thread(self._producer.flush, within_ms / 1000)
        if self._failed or self._refused:
            raise self._given_up()
        if left == 0:
            self.problem = None
        return left == 0

    def forget(self) -> None:
        """Drop what was handed over and not acknowledged; it may have been written all the same."""
        if self._producer is not None:
            self._producer.purge(in_queue=True, in_flight=True, blocking=False)
            self._producer.poll(0)
        self._producer = None
        self._failed, self._refused = [], {}

    async def close(self) -> None:
        """Drop what is not acknowledged: the log still has it."""
        self.forget()

    def _report(self, name: tuple[str, str]) -> Any:
        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._judge(name, error)

        return delivered

    def _judge(self, name: tuple[str, str], error: KafkaError) -> None:
        if error.code() in _REFUSED:
            self._refused[name] = error.str()
        else:
            self._failed.append((error.str(), error.code()))

    def _given_up(self) -> SendFailed:
        """Drop the producer and with it what stands behind the gap."""
        problem = self._failed[0][0] if self._failed else next(iter(self._refused.values()))
        failed = SendFailed(problem, self._refused)
        self.problem = problem
        self.forget()
        return failed

    def _notice(self, error: KafkaError) -> None:
        self.problem = error.str()

    async def _await_topic(self, name: str, made: asyncio.Future[Any]) -> None:
        try:
            await made
            _log.info("kafka_topic_made", topic=name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                _log.warning("kafka_topic_not_made", topic=name, problem=error.args[0].str())
