"""Compares the provider's books with ours, and both with the ledger's invariants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from hazina.bootstrap.app import Core
from hazina.db.queries import load_queries
from hazina.ledger.verify import INVARIANTS

_EFFECTIVE = ("approved", "voided", "pending")
_ONCE = ("payment_intent.created", "payment_intent.succeeded", "payment_intent.canceled",
         "charge.succeeded", "charge.failed", "charge.captured", "refund.created",
         "refund.failed")  # fmt: skip
Entries = dict[str, dict[str, Any]]


def rows(
    database_url: str, query: str, params: Sequence[object] | Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Return what a query finds."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(query.encode(), params).fetchall()


async def settle(*cores: Core) -> None:
    """Let every core ask and read callbacks, all at once, until nothing is open."""
    database_url = cores[0].settings.database_url
    for _ in range(300):
        for core in cores:
            await core.callbacks.process_due()
        # All at once: janitors of several processes must not do each other's work again.
        for running in [core.tasks.spawn(core.dispatch.run_due(), "janitor") for core in cores]:
            await running
        open_still = "SELECT 1 FROM command WHERE state <> 'done' LIMIT 1"
        unread = "SELECT 1 FROM inbox WHERE state = 'received' LIMIT 1"
        if not rows(database_url, open_still) and not rows(database_url, unread):
            return
        await cores[0].clock.sleep_ms(100)
    left = rows(database_url, "SELECT id, operation, state, evidence FROM command")
    raise AssertionError(f"left open: {[row for row in left if row['state'] != 'done']}")


def effective(entry: dict[str, Any] | None) -> bool:
    """Return whether the provider did what this entry says, and has not undone it by failing."""
    return entry is not None and entry["state"] in _EFFECTIVE


def check_books(database_url: str, books: Sequence[dict[str, Any]]) -> None:
    """Demand that nothing is open, all invariants hold, and the provider's books equal ours."""
    for name, query in load_queries([INVARIANTS]).items():
        assert rows(database_url, query) == [], name
    open_intents = "SELECT id FROM payment_intent WHERE operation IS NOT NULL"
    assert rows(database_url, open_intents + " OR status = 'processing'") == []
    assert rows(database_url, "SELECT id FROM refund WHERE status = 'pending'") == []
    entries = {entry["reference"]: entry for entry in books}
    assert len(entries) == len(books), "a reference has two entries"
    commands = {row["id"]: row for row in rows(database_url, "SELECT * FROM command")}
    assert entries.keys() <= commands.keys(), "the provider did what we have no command for"
    _check_effects(entries, commands)
    _check_charges(database_url, entries)
    _check_refunds(database_url, entries, commands)
    _check_lines(database_url)
    _check_events(database_url)


def check_requests(requests: Iterable[tuple[str, str]]) -> None:
    """Demand that nothing was sent again before the provider was asked what became of it."""
    last: dict[str, str] = {}
    for what, reference in requests:
        sent_twice = what == "operate" and last.get(reference) == "operate"
        assert not sent_twice, f"{reference} was sent again without asking"
        last[reference] = what


def _check_effects(entries: Entries, commands: dict[str, Any]) -> None:
    """No intent is authorized twice, or ended twice by final captures and voids."""
    effects = Counter(
        (commands[reference]["payment_intent"], entry["kind"] == "authorize")
        for reference, entry in entries.items()
        if entry["kind"] in ("authorize", "capture", "void") and entry["final"] and effective(entry)
    )
    assert [key for key, count in effects.items() if count > 1] == []


def _check_charges(database_url: str, entries: Entries) -> None:
    intents = {row["id"]: row for row in rows(database_url, "SELECT * FROM payment_intent")}
    for charge in rows(database_url, "SELECT * FROM charge"):
        entry = entries.get(charge["authorize_command"])
        assert (charge["status"] == "succeeded") == effective(entry), (charge, entry)
        if entry is None or not effective(entry):
            continue
        assert charge["amount"] == entry["amount"] + entry["incremented"], (charge, entry)
        assert charge["amount_captured"] == entry["captured"] <= charge["amount"], (charge, entry)
        assert charge["amount_refunded"] == entry["refunded"] <= entry["captured"], (charge, entry)
        assert charge["amount_refund_reserved"] == 0, charge
        # A void is the provider's side of a cancellation: there is never one without the other.
        intent = intents[charge["payment_intent"]]
        assert (intent["status"] == "canceled") == (entry["state"] == "voided"), (intent, entry)
        # What is captured in part may wait for more.
        taken = entry["captured"] > 0 and intent["status"] != "requires_capture"
        assert (intent["status"] == "succeeded") == taken, (intent, entry)


def _check_refunds(database_url: str, entries: Entries, commands: dict[str, Any]) -> None:
    references = {row["refund"]: reference for reference, row in commands.items() if row["refund"]}
    for refund in rows(database_url, "SELECT * FROM refund"):
        entry = entries.get(references[refund["id"]])
        assert (refund["status"] == "succeeded") == effective(entry), (refund, entry)
        assert entry is None or entry["amount"] == refund["amount"], (refund, entry)


def _check_lines(database_url: str) -> None:
    """The lines of the merchant's balance come to what was captured and what was given back."""
    found = rows(database_url, "SELECT type, source, amount FROM balance_transaction")
    sums: Counter[str] = Counter()
    for line in found:
        sums[line["source"]] += line["amount"]
    for charge in rows(database_url, "SELECT id, amount_captured FROM charge"):
        assert sums.pop(charge["id"], 0) == charge["amount_captured"], charge
    for refund in rows(database_url, "SELECT id, amount, status FROM refund"):
        # One that was shown as pending and then failed has two lines, which cancel each other.
        wanted = -refund["amount"] if refund["status"] == "succeeded" else 0
        assert sums.pop(refund["id"], 0) == wanted, refund
    assert not +sums, f"lines about nothing: {sums}"
    given_back = Counter(line["source"] for line in found if line["type"] == "refund")
    assert [source for source, count in given_back.items() if count > 1] == []


def _check_events(database_url: str) -> None:
    """What happens once in the life of an object was told once."""
    twice = "SELECT object_id, type FROM event GROUP BY 1, 2 HAVING count(*) > 1"
    several = "SELECT source FROM balance_transaction GROUP BY 1 HAVING count(*) > 1"
    captured_in_parts = {row["source"] for row in rows(database_url, several)}
    told = [
        row
        for row in rows(database_url, twice)
        if row["type"] in _ONCE
        and not (row["type"] == "charge.captured" and row["object_id"] in captured_in_parts)
    ]
    assert told == []
