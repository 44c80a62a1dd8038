"""Proof after the fact: the hash chains recomputed from the transfers, and the trial balance."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hazina.db.queries import load_queries
from hazina.db.slots import GENESIS, chain_hash
from hazina.db.table import Row
from hazina.ledger.canonical import digest
from hazina.ledger.chart import AccountCode, currency_of, is_live

Fetch = Callable[[str, Mapping[str, Any]], Awaitable[Sequence[Row]]]
"""Runs a named query: a reader's `query`."""

QUERIES = Path(__file__).parent / "queries.sql"
INVARIANTS = Path(__file__).parent / "invariants.sql"
"""The files of named queries that a reader must have loaded for `Fetch`."""

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written; `sequence` 0 is about the whole chain."""

    slot: int
    sequence: int
    problem: str


@dataclass(frozen=True, slots=True)
class TrialBalanceRow:
    """All accounts of one code, currency and mode together; one of the two sides is zero."""

    name: str
    currency: str
    livemode: bool
    debit_minor: int
    credit_minor: int


async def trial_balance(fetch: Fetch) -> list[TrialBalanceRow]:
    """Return the posted balances by currency and account code, writer slots summed up."""
    rows = []
    for row in await fetch("ledger_trial_balance", {}):
        net = int(row["debits"]) - int(row["credits"])
        rows.append(
            TrialBalanceRow(
                name=_name(row["code"]),
                currency=currency_of(row["ledger"]),
                livemode=is_live(row["ledger"]),
                debit_minor=max(net, 0),
                credit_minor=max(-net, 0),
            )
        )
    return rows


async def broken_invariants(fetch: Fetch) -> list[tuple[str, Row]]:
    """Run every invariant of the ledger; return the rows found, each with the query's name."""
    names = load_queries([INVARIANTS])
    return [(name, row) for name in names for row in await fetch(name, {})]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a slot's chain, to be kept where nobody can change it."""

    slot: int
    sequence: int
    hash: str


@dataclass(slots=True)
class _Contents:
    """What the batches of one page left, by sequence."""

    transfers: dict[int, list[Row]]
    openings: dict[int, list[Row]]
    failures: dict[int, list[Row]]


async def heads(fetch: Fetch) -> list[Head]:
    """Return the head of every chain."""
    rows = await fetch("ledger_heads", {})
    return [Head(row["slot"], row["sequence"], bytes(row["hash"]).hex()) for row in rows]


async def verify(
    fetch: Fetch,
    progress: Callable[[int, int], None] | None = None,
    anchor: Sequence[Head] = (),
) -> list[Finding]:
    """Walk every slot's chain and return what was changed, removed or added behind our back.

    `progress` is told the slot and the last sequence that was walked. A chain whose newest rows
    were removed, together with what they covered, is found only against `anchor`: heads that were
    exported before, and kept elsewhere.
    """
    findings = []
    for query, what in _STRAYS.items():
        findings += [
            Finding(row["slot"], row["sequence"], f"{row[what]} {what} have no batch")
            for row in await fetch(query, {})
        ]
    for head in anchor:
        findings += await _missed(fetch, head)
    for row in await fetch("ledger_chain_slots", {}):
        findings += await _verify_chain(fetch, row["slot"], progress)
    return findings


_STRAYS = {
    "ledger_transfers_without_batch": "transfers",
    "ledger_accounts_without_batch": "accounts",
    "ledger_failures_without_batch": "failures",
}


async def _missed(fetch: Fetch, head: Head) -> list[Finding]:
    """Say how the chain differs from a head that was exported."""
    found = await fetch("ledger_batch_hash", {"slot": head.slot, "sequence": head.sequence})
    if not found:
        return [Finding(head.slot, head.sequence, "the batch of the anchor is gone")]
    if bytes(found[0]["hash"]).hex() != head.hash:
        return [Finding(head.slot, head.sequence, "its hash is not that of the anchor")]
    return []


async def _verify_chain(
    fetch: Fetch, slot: int, progress: Callable[[int, int], None] | None
) -> list[Finding]:
    findings: list[Finding] = []
    after, previous_hash = 0, GENESIS
    while True:
        page = {"slot": slot, "after": after, "limit": _PAGE}
        batches = await fetch("ledger_chain_page", page)
        if not batches:
            return findings
        bounds = {"slot": slot, "after": after, "upto": batches[-1]["sequence"]}
        contents = _Contents(
            _by(await fetch("ledger_transfers_of_batches", bounds), "sequence"),
            _by(await fetch("ledger_openings_of_batches", bounds), "opened_sequence"),
            _by(await fetch("ledger_failures_of_batches", bounds), "sequence"),
        )
        for batch in batches:
            sequence = batch["sequence"]
            problems = _problems(slot, batch, contents, after, previous_hash)
            findings += [Finding(slot, sequence, problem) for problem in problems]
            after, previous_hash = sequence, bytes(batch["hash"])
        if progress is not None:
            progress(slot, after)


def _by(rows: Sequence[Row], column: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _problems(
    slot: int, batch: Row, contents: _Contents, sequence_before: int, previous_hash: bytes
) -> list[str]:
    """Say how a row of a chain differs from what it covers and the row before it ask for."""
    sequence = batch["sequence"]
    problems = []
    if sequence != sequence_before + 1:
        problems.append(f"batches {sequence_before + 1} to {sequence - 1} are missing")
    if batch["batch_id"] != slot << 40 | sequence:
        problems.append("its id is not that of its place")
    if bytes(batch["previous_hash"]) != previous_hash:
        problems.append("it does not follow the batch before it")
    if bytes(batch["hash"]) != chain_hash(
        bytes(batch["previous_hash"]), sequence, bytes(batch["digest"])
    ):
        problems.append("its hash is not that of its digest")
    transfers = contents.transfers.get(sequence, [])
    if _covered(contents, sequence) != bytes(batch["digest"]):
        problems.append("what it booked, opened and refused is not what is there")
    if any(transfer["created_at"] != batch["committed_at"] for transfer in transfers):
        problems.append("its time is not that of its transfers")
    return problems


def _covered(contents: _Contents, sequence: int) -> bytes | None:
    """Return the digest of what is there, or None for values that no batch could have written."""
    try:
        return digest(
            contents.transfers.get(sequence, []),
            contents.openings.get(sequence, []),
            contents.failures.get(sequence, []),
        )
    except (OverflowError, struct.error, TypeError, AttributeError):
        return None


def _name(code: int) -> str:
    try:
        return AccountCode(code).name.lower()
    except ValueError:
        return f"code {code}"
