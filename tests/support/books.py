"""Compares the provider's books with ours, and both with the ledger's invariants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.rows import dict_row

from hazina.bootstrap.app import Core
from hazina.db.pooled import PooledReader
from hazina.db.table import Schema
from hazina.invariants import service as invariants
from hazina.invariants.check import ProviderEntry

_EFFECTIVE = ("approved", "voided", "pending")


def rows(
    database_url: str, query: str, params: Sequence[object] | Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Return what a query finds."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), params).fetchall()


def nothing_open(database_url: str) -> bool:
    """Return whether every command has ended."""
    return not rows(database_url, "SELECT 1 FROM command WHERE state <> 'done' LIMIT 1")


async def settle(
    *cores: Core, looks: int = 300, at_rest: Callable[[str], bool] = nothing_open
) -> None:
    """Let every core ask, and read callbacks, all at once, until all are read and all is done."""
    database_url = cores[0].settings.database_url
    for _ in range(looks):
        for core in cores:
            await core.callbacks.process_due()
        # All at once: janitors of several processes must not do each other's work again.
        for running in [core.tasks.spawn(core.dispatch.run_due(), "janitor") for core in cores]:
            await running
        unread = "SELECT 1 FROM inbox WHERE state IN ('received', 'parked') LIMIT 1"
        if at_rest(database_url) and not rows(database_url, unread):
            return
        await cores[0].clock.sleep_ms(100)
    left = rows(database_url, "SELECT id, operation, state, evidence FROM command")
    raise AssertionError(f"left open: {[row for row in left if row['state'] != 'done']}")


def effective(entry: dict[str, Any] | None) -> bool:
    """Return whether the provider did what this entry says, and has not undone it by failing."""
    return entry is not None and entry["state"] in _EFFECTIVE


def entries_of(books: Iterable[Mapping[str, Any]]) -> list[ProviderEntry]:
    """Return the simulator's books as the invariants read a provider's."""
    return [
        ProviderEntry(
            reference=entry["reference"], operation=entry["kind"], amount=entry["amount"],
            currency=entry["currency"], effective=entry["state"] in _EFFECTIVE,
            voided=entry["state"] == "voided", final=entry["final"],
            awaits_customer=entry["state"] == "action_required",
            incremented=entry["incremented"], captured=entry["captured"],
            refunded=entry["refunded"],
        )
        for entry in books
    ]  # fmt: skip


async def broken_invariants(
    database_url: str, books: Iterable[Mapping[str, Any]] | None = None
) -> list[str]:
    """Run every invariant; with the provider's books also those of a system at rest."""
    reader = PooledReader(database_url, Schema(()), invariants.FILES, size=1)
    await reader.open()
    try:
        results = await invariants.run(
            reader.query, settled=books is not None,
            books=None if books is None else entries_of(books),
        )  # fmt: skip
    finally:
        await reader.close()
    return [f"{r.check.invariant} {r.check.name}: {one}" for r in results for one in r.broken]


def check_books(database_url: str, books: Sequence[dict[str, Any]]) -> None:
    """Demand that nothing is open, and that every invariant holds here and at the provider."""
    with ThreadPoolExecutor(1) as aside:
        found = aside.submit(asyncio.run, broken_invariants(database_url, books)).result()
    assert not found, "\n".join(found)


def check_requests(requests: Iterable[tuple[str, str]]) -> None:
    """Demand that nothing was sent again before the provider was asked what became of it."""
    last: dict[str, str] = {}
    for what, reference in requests:
        sent_twice = what == "operate" and last.get(reference) == "operate"
        assert not sent_twice, f"{reference} was sent again without asking"
        last[reference] = what
