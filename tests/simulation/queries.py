"""The core's named queries over the in-memory tables, as PostgreSQL answers `queries.sql`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hazina.db.memory import NamedQuery
from hazina.db.table import Row
from hazina.ledger.in_memory import QUERIES as LEDGER_QUERIES
from tests.simulation.store import Connection

Parameters = Mapping[str, Any]
Query = Callable[[Connection, Parameters], Sequence[Row]]


def _rows(store: Connection, table: str) -> Iterable[dict[str, Any]]:
    return store.tables[table].values()


def _before(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment < now


def _command_due(store: Connection, wanted: Parameters) -> Sequence[Row]:
    now = store.now()
    due = [
        (row["next_at"] or row["lease_until"], row)
        for row in _rows(store, "command")
        if (row["state"] == "leased" and _before(row["lease_until"], now))
        or (row["state"] in ("waiting", "resend") and _before(row["next_at"], now))
    ]
    due.sort(key=lambda pair: pair[0])
    return [row | {"sent_ago_ms": _ago_ms(row, now)} for _, row in due[: wanted["limit"]]]


def _ago_ms(row: Row, now: datetime) -> int:
    return int((now - row["sent_at"]).total_seconds() * 1000) if row["sent_at"] else 0


def _command_by_reference(store: Connection, wanted: Parameters) -> Sequence[Row]:
    return [dict(row) for row in _rows(store, "command") if row["id"] == wanted["id"]]


def _inbox_due(store: Connection, wanted: Parameters) -> Sequence[Row]:
    now = store.now()
    due = [
        row
        for row in _rows(store, "inbox")
        if row["state"] == "received" and _before(row["next_at"], now)
    ]
    due.sort(key=lambda row: row["next_at"])
    return [dict(row) for row in due[: wanted["limit"]]]


def _idempotency_lookup(store: Connection, wanted: Parameters) -> Sequence[Row]:
    key = (wanted["merchant_id"], wanted["route"], wanted["key"])
    row = store.tables["idempotency_key"].get(key)
    if row is None:
        return []
    lease_until = row["lease_until"]
    return [row | {"expired": lease_until is None or lease_until < store.now()}]


def _idempotency_old(store: Connection, wanted: Parameters) -> Sequence[Row]:
    old = [row for row in _rows(store, "idempotency_key") if row["created"] < wanted["before"]]
    return sorted(map(dict, old), key=lambda row: row["created"])[:500]


def _event_forward(store: Connection, wanted: Parameters) -> Sequence[Row]:
    after = (int(wanted["xid"]), wanted["position"])
    found = [dict(row) for row in store.database.log if after < _place(row) < store.database.bound]
    found.sort(key=_place)
    return found[: wanted["limit"]]


def _webhook_log_end(store: Connection, wanted: Parameters) -> Sequence[Row]:
    after = (int(wanted["xid"]), wanted["position"])
    places = [_place(row) for row in store.database.log]
    newest = max((place for place in places if after < place < store.database.bound), default=None)
    return [{"xid": str(newest[0]), "position": newest[1]}] if newest else []


def _place(row: Row) -> tuple[int, int]:
    return row["xid"], row["position"]


def _endpoints_enabled(store: Connection, wanted: Parameters) -> Sequence[Row]:
    merchants = wanted["merchants"]
    return [
        row | {"event_merchant": row["merchant_id"]}
        for row in _rows(store, "webhook_endpoint")
        if row["status"] == "enabled"
        and (merchants is None or row["merchant_id"] in merchants)
    ][: wanted["limit"]]  # fmt: skip


def _deliveries_due(store: Connection, wanted: Parameters) -> Sequence[Row]:
    now = store.now()
    rooms = dict(zip(wanted["endpoints"], wanted["rooms"], strict=True))
    found: list[dict[str, Any]] = []
    for endpoint in _rows(store, "webhook_endpoint"):
        if endpoint["status"] != "enabled" or endpoint["paused"]:
            continue
        due = [
            row
            for row in _rows(store, "webhook_delivery")
            if row["endpoint"] == endpoint["id"]
            and row["state"] == "pending"
            and row["next_at"] <= now
        ]
        due.sort(key=_turn)
        more = {name: endpoint[name] for name in _OF_THE_ENDPOINT} | {"account": None}
        for row in due[: rooms.get(endpoint["id"], wanted["room"])]:
            event = store.tables["event"][row["merchant_id"], row["event_id"]]
            found.append(row | more | {"body": event["body"]})
    return sorted(found, key=_turn)


_OF_THE_ENDPOINT = ("url", "secret", "old_secret", "old_secret_until", "failing_since")


def _turn(row: Row) -> tuple[Any, ...]:
    return row["next_at"], row["position"]


def _release_due(store: Connection, wanted: Parameters) -> Sequence[Row]:
    due = [row for row in _to_release(store, wanted) if row["id"] not in wanted["aside"]]
    due.sort(key=lambda row: row["available_on"])
    return due[: wanted["limit"]]


def _release_due_together(store: Connection, wanted: Parameters) -> Sequence[Row]:
    due = [row for row in _to_release(store, wanted) if row["merchant_id"] == wanted["merchant_id"]]
    due.sort(key=lambda row: row["fee"] + row["amount_refunded"] - row["amount_captured"])
    return due[: wanted["limit"]]


def _to_release(store: Connection, wanted: Parameters) -> Sequence[Row]:
    return [
        row
        for row in _rows(store, "charge")
        if row["funds"] == "pending"
        and row["available_on"] is not None
        and row["available_on"] <= wanted["now"]
        and not row["amount_refund_reserved"]
        and row["hold"] is None
    ]


def _expiry_due(store: Connection, wanted: Parameters) -> Sequence[Row]:
    intents = store.tables["payment_intent"]
    due = [
        row
        for row in _rows(store, "charge")
        if row["hold"] is not None
        and row["capture_before"] <= wanted["now"]
        and row["id"] not in wanted["aside"]
        and intents[row["merchant_id"], row["payment_intent"]]["operation"] is None
    ]
    due.sort(key=lambda row: row["capture_before"])
    return due[: wanted["limit"]]


def _merchant_accounts(store: Connection, wanted: Parameters) -> Sequence[Row]:
    owned = [row for row in _rows(store, "account") if row["owner"] == wanted["merchant_id"]]
    return sorted(map(dict, owned), key=lambda row: (row["ledger"], row["code"]))


def _no_clocks(store: Connection, wanted: Parameters) -> Sequence[Row]:
    return []


_QUERIES: Mapping[str, Query] = {
    "command_due": _command_due,
    "command_by_reference": _command_by_reference,
    "inbox_due": _inbox_due,
    "idempotency_lookup": _idempotency_lookup,
    "idempotency_old": _idempotency_old,
    "event_forward": _event_forward,
    "webhook_log_end": _webhook_log_end,
    "webhook_endpoints_enabled": _endpoints_enabled,
    "webhook_deliveries_due": _deliveries_due,
    "charge_release_due": _release_due,
    "charge_release_due_together": _release_due_together,
    "charge_expiry_due": _expiry_due,
    "merchant_accounts": _merchant_accounts,
    "merchants_with_clocks": _no_clocks,
}
QUERIES: Mapping[str, NamedQuery] = {**LEDGER_QUERIES, **_QUERIES}  # type: ignore[dict-item]
"""What the simulation's flows ask; a query that is not here is an error, never an empty answer."""
