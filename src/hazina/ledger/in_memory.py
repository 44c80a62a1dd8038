"""The ledger's named queries over the in-memory store: for scratch ledgers and for tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from hazina.db.memory import MemoryStore, NamedQuery
from hazina.db.table import Row

Parameters = Mapping[str, Any]
_EXPIRE = 65536


def _records(store: MemoryStore, rows: Iterable[Row]) -> Iterator[Row]:
    """Add the clients' ids of what transfers name."""
    accounts, transfers = store.tables["account"], store.tables["transfer"]
    for row in rows:
        pending = transfers.get((row["pending_id"],))
        yield {
            **row,
            "debit_client_id": accounts[row["debit_account_id"],]["client_id"],
            "credit_client_id": accounts[row["credit_account_id"],]["client_id"],
            "pending_client_id": None if pending is None else pending["client_id"],
        }


def _fits(row: Row, wanted: Parameters) -> bool:
    if row["space"] != wanted["space"]:
        return False
    if not wanted["timestamp_min"] <= row["timestamp"] <= wanted["timestamp_max"]:
        return False
    for name in ("user_data_128", "user_data_64", "user_data_32", "code", "ledger"):
        if wanted.get(name) is not None and row[name] != wanted[name]:
            return False
    if wanted["metadata"] is None:
        return True
    has = row["metadata"] or {}
    conditions: dict[str, str] = orjson.loads(wanted["metadata"])
    return all(has.get(key) == value for key, value in conditions.items())


def _lookup_transfers(store: MemoryStore, wanted: Parameters) -> Sequence[Row]:
    rows = (store.tables["transfer"].get((key,)) for key in wanted["ids"])
    found = [row for row in rows if row is not None and not row["flags"] & _EXPIRE]
    return list(_records(store, (row for row in found if row["space"] == wanted["space"])))


def _lines(store: MemoryStore, account_id: UUID) -> Iterator[Row]:
    """Return an account's lines, in the order in which they came."""
    lines = store.tables["account_history"].values()
    return (line for line in lines if line["account_id"] == account_id)


def _account_transfers(reverse: bool) -> NamedQuery:
    def query(store: MemoryStore, wanted: Parameters) -> Sequence[Row]:
        found = []
        for line in _lines(store, wanted["account_id"]):
            row = store.tables["transfer"][line["transfer_id"],]
            side = (
                (wanted["debits"] and row["debit_account_id"] == line["account_id"])
                or (wanted["credits"] and row["credit_account_id"] == line["account_id"])
            )  # fmt: skip
            if side and not row["flags"] & _EXPIRE and _fits(row, wanted):
                found.append({**row, **line})
        if reverse:
            found.reverse()
        return list(_records(store, found[: wanted["limit"]]))

    return query


def _query_accounts(reverse: bool) -> NamedQuery:
    def query(store: MemoryStore, wanted: Parameters) -> Sequence[Row]:
        rows = [
            row
            for row in store.tables["account"].values()
            if row["space"] is not None and _fits(row, wanted)
        ]
        rows.sort(key=lambda row: (row["timestamp"], row["id"]), reverse=reverse)
        return rows[: wanted["limit"]]

    return query


def _query_transfers(reverse: bool) -> NamedQuery:
    def query(store: MemoryStore, wanted: Parameters) -> Sequence[Row]:
        rows = [
            row
            for row in store.tables["transfer"].values()
            if not row["flags"] & _EXPIRE and _fits(row, wanted)
        ]
        rows.sort(key=lambda row: (row["timestamp"], row["id"]), reverse=reverse)
        return list(_records(store, rows[: wanted["limit"]]))

    return query


def _floor(table: str, other: str) -> NamedQuery:
    def query(store: MemoryStore, wanted: Parameters) -> Sequence[Row]:
        space = wanted["space"]
        asked = set(wanted["timestamps"])
        own = [
            row["timestamp"]
            for row in store.tables[table].values()
            if row["space"] == space and not (table == "transfer" and row["flags"] & _EXPIRE)
        ]
        taken = [
            row["timestamp"]
            for row in store.tables[other].values()
            if row["space"] == space and row["timestamp"] in asked
        ]
        return [{"newest": max(own, default=0), "taken": taken}]

    return query


def _due(store: MemoryStore, wanted: Parameters) -> Sequence[Row]:
    found = []
    for row in store.tables["pending"].values():
        expires_ns = row["expires_ns"]
        if row["state"] == "pending" and expires_ns is not None and expires_ns <= wanted["now"]:
            transfer = store.tables["transfer"][row["transfer_id"],]
            place = (expires_ns, transfer["timestamp"], transfer["id"])
            due = {**row, "space": transfer["space"], "reference": transfer["reference"]}
            found.append((place, due))
    found.sort(key=lambda pair: pair[0])
    return [due for _, due in found[: wanted["limit"]]]


QUERIES: Mapping[str, NamedQuery] = {
    "ledger_lookup_transfers": _lookup_transfers,
    "ledger_account_transfers": _account_transfers(False),
    "ledger_account_transfers_reversed": _account_transfers(True),
    "ledger_query_accounts": _query_accounts(False),
    "ledger_query_accounts_reversed": _query_accounts(True),
    "ledger_query_transfers": _query_transfers(False),
    "ledger_query_transfers_reversed": _query_transfers(True),
    "ledger_import_floor_of_accounts": _floor("account", "transfer"),
    "ledger_import_floor_of_transfers": _floor("transfer", "account"),
    "ledger_pending_due": _due,
}
"""What `MemoryReader` answers, as PostgreSQL answers `queries.sql`."""
