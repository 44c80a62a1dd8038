"""What an event is on Kafka: one record, keyed by its object, with CloudEvents headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hazina.db.table import Row
from hazina.values import value

Header = tuple[str, str | bytes | None]
SCHEMA_VERSION = 1
"""Raised when a schema of events breaks those who read it; see docs/reference/event-schemas."""


@value
class Record:
    """One record as it is sent: the value is the event's stored bytes, the same as in a webhook."""

    topic: str
    key: bytes
    value: bytes
    headers: list[Header]
    merchant_id: str
    event_id: str


class SendFailed(Exception):
    """Some records were not written and cannot be by this producer; all are owed once more.

    `refused` names those that are refused for what they are, each with the broker's words.
    """

    def __init__(self, problem: str, refused: Mapping[tuple[str, str], str]) -> None:
        super().__init__(problem)
        self.refused = dict(refused)


def topic_of(prefix: str, merchant_id: str) -> str:
    """Return the topic of a merchant's mode: test and live events never share one."""
    return f"{prefix}.events.{'live' if merchant_id.endswith('_live') else 'test'}"


def topics(prefix: str) -> tuple[str, str]:
    """Return both topics."""
    return f"{prefix}.events.live", f"{prefix}.events.test"


def record_of(row: Row, prefix: str) -> Record:
    """Return the record of a row of the event log.

    All events of one object have one key, so that they stay in order within one partition. The
    headers are those of the CloudEvents binding for Kafka in binary mode. The record's own time is
    when it was sent: by the event's, a topic would throw a backlog away as it came.
    """
    merchant_id: str = row["merchant_id"]
    object_id: str = row["object_id"]
    created: datetime = row["created"]
    key = f"{merchant_id}/{object_id}"
    event_type: str = row["type"]
    headers: list[Header] = [
        ("content-type", "application/json"),
        ("ce_specversion", "1.0"),
        ("ce_id", row["id"]),
        ("ce_source", f"/hazina/{merchant_id}"),
        ("ce_type", event_type),
        ("ce_subject", object_id),
        ("ce_time", created.astimezone(UTC).isoformat().replace("+00:00", "Z")),
        ("ce_dataschema", f"urn:hazina:event:v{SCHEMA_VERSION}:{event_type}"),
        ("ce_sequence", str(row["sequence"])),
        ("ce_partitionkey", key),
        ("ce_merchantid", merchant_id),
    ]
    return Record(
        topic_of(prefix, merchant_id), key.encode(), bytes(row["body"]), headers,
        merchant_id, row["id"],
    )  # fmt: skip


def headers_of(headers: Any) -> dict[str, str]:
    """Return a record's headers as text; those that are none are left out."""
    found = {}
    for name, content in headers or ():
        if isinstance(content, bytes):
            content = content.decode("utf-8", "replace")
        if isinstance(content, str):
            # PostgreSQL keeps no U+0000 in texts.
            found[name] = content.replace("\x00", "\ufffd")
    return found
