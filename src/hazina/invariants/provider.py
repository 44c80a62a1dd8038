"""I4, I5 and I9: the provider's books compared with ours, once nothing is under way."""

from __future__ import annotations

from collections import Counter

from hazina.db.table import Row
from hazina.invariants.check import ProviderEntry, Subject


async def books_are_the_same(subject: Subject) -> list[str]:
    """Compare amounts and final states of every charge, refund and verification."""
    entries = {entry.reference: entry for entry in subject.books}
    broken = []
    for charge in await subject.fetch("invariant_rows_charges", {}):
        entry = entries.get(charge["authorize_command"])
        if not _same_end(charge, entry):
            broken.append(f"{charge['id']} is {charge['status']}, the provider has {entry}")
        elif entry is not None and entry.effective:
            broken += _differences(charge, entry)
    for refund in await subject.fetch("invariant_rows_refunds", {}):
        entry = entries.get(refund["command"])
        if (refund["status"] == "succeeded") != (entry is not None and entry.effective):
            broken.append(f"{refund['id']} is {refund['status']}, the provider has {entry}")
        elif entry is not None and entry.amount != refund["amount"]:
            broken.append(f"{refund['id']} is {refund['amount']}, the provider has {entry}")
    for attempt in await subject.fetch("invariant_rows_setups", {}):
        entry = entries.get(attempt["command"])
        if attempt["status"] == "abandoned":
            # Given up while the customer was asked. It holds no money, so nobody tells the
            # provider, and what becomes of it there means nothing any more.
            continue
        if (attempt["status"] == "succeeded") != (entry is not None and entry.effective):
            broken.append(f"{attempt['id']} is {attempt['status']}, the provider has {entry}")
    return broken


def _same_end(charge: Row, entry: ProviderEntry | None) -> bool:
    """Return whether a charge stands here exactly if it does at the provider."""
    if entry is None or not entry.effective:
        # What still waits for its customer there must not have ended here: it may yet be done.
        waits = entry is not None and entry.awaits_customer
        return bool(charge["status"] == "open" if waits else charge["status"] != "succeeded")
    # One that was canceled while its customer was authenticating never succeeded here, and is
    # voided there: the provider gave up what it held. That it holds nothing is compared apart.
    return bool(charge["status"] == "succeeded" or (charge["status"] == "failed" and entry.voided))


def _differences(charge: Row, entry: ProviderEntry) -> list[str]:
    ours = {
        "amount": (charge["amount"], entry.amount + entry.incremented),
        "currency": (charge["currency"], entry.currency),
        "captured": (charge["amount_captured"], entry.captured),
        "refunded": (charge["amount_refunded"], entry.refunded),
        # A void is the provider's side of a cancellation: there is never one without the other.
        "canceled": (charge["intent_status"] == "canceled", entry.voided),
    }
    return [
        f"{charge['id']}: {what} is {here} here and {there} at the provider"
        for what, (here, there) in ours.items()
        if here != there
    ]


async def one_effect_per_command(subject: Subject) -> list[str]:
    """Count effects at the provider: one per reference, each of a command, each meant once."""
    commands = {row["id"]: row for row in await subject.fetch("invariant_rows_commands", {})}
    times = Counter(entry.reference for entry in subject.books)
    broken = [f"{reference} has {n} entries" for reference, n in times.items() if n > 1]
    known = [entry for entry in subject.books if entry.reference in commands]
    broken += [
        f"the provider did {entry.reference}, of which we have no command"
        for entry in subject.books
        if entry.reference not in commands
    ]
    effects = Counter(
        (commands[entry.reference]["payment_intent"], _ends(entry.operation))
        for entry in known
        if entry.effective and entry.final and entry.operation in ("authorize", "capture", "void")
    )
    return broken + [
        f"{intent} was {what} {n} times" for (intent, what), n in effects.items() if n > 1
    ]


def _ends(operation: str) -> str:
    return "authorized" if operation == "authorize" else "captured or voided"


async def failed_leaves_no_effect(subject: Subject) -> list[str]:
    """Name what we call failed and the provider did all the same."""
    entries = {entry.reference: entry for entry in subject.books if entry.effective}
    failed = [
        (row["id"], row["authorize_command"])
        for row in await subject.fetch("invariant_rows_charges", {})
        if row["status"] == "failed"
    ]
    failed += [
        (row["id"], row["command"])
        for row in await subject.fetch("invariant_rows_refunds", {})
        if row["status"] == "failed"
    ]
    return [
        f"{id} failed here, and {command} took effect at the provider"
        for id, command in failed
        if command in entries and not entries[command].voided
    ]
