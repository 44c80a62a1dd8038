"""What an account had at any moment, and its statements from balance to balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.ledger.types import AccountFlag

PAGE = 1_000
"""How many lines are read at once: a statement of any length takes the memory of one page."""

_ENDLESS = 2**63 - 1
_LIMIT_DEBITS = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS + 0
_LIMIT_CREDITS = AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS + 0


@dataclass(frozen=True, slots=True)
class Totals:
    """The four balances of an account at a moment, after how many lines, and when the last came."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    lines: int = 0
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement: what moved, with whom, and the balances after it.

    `side` is "debit" or "credit"; `kind` is `posted`, `pending`, `post`, `void` or `expiry`. `ids`
    are the client's own, or the stored ones for accounts of payments.
    """

    line: int
    timestamp: int
    transfer_id: str
    side: str
    kind: str
    amount: int
    counterpart_id: str
    code: int
    reference: str
    entry: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Span:
    """A statement before its lines: the account, and its balances at both ends."""

    account: Row
    opening: Totals
    closing: Totals


class History:
    """Reads lines of accounts; they are there for every account that keeps them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def account(self, account_id: UUID, space: str | None) -> Row | None:
        """Return an account of a space (None: of the payments), or None."""
        row = await self._reader.get("account", (account_id,))
        return row if row is not None and row["space"] == space else None

    async def at(self, account_id: UUID, moment: int | None) -> Totals:
        """Return the balances after all that happened up to a moment (None: until now).

        Before the first line they are zero, which is what the account had.
        """
        rows = await self._reader.query(
            "ledger_totals_at",
            {"account_id": account_id, "moment": _ENDLESS if moment is None else moment},
        )
        return _totals(rows[0]) if rows else Totals()

    async def span(self, account: Row, start: int | None, end: int | None) -> Span:
        """Return the balances just before `start` and at `end`, in nanoseconds, both inclusive."""
        opening = Totals() if start is None else await self.at(account["id"], start - 1)
        return Span(account, opening, await self.at(account["id"], end))

    async def page(self, span: Span, after: int, limit: int) -> tuple[list[Line], bool]:
        """Return lines between the two balances that came after a moment; are there more?"""
        account_id, closing = span.account["id"], span.closing
        rows = await self._reader.query(
            "ledger_statement_lines",
            {
                "account_id": account_id, "after": max(after, span.opening.timestamp),
                "upto": closing.timestamp, "limit": limit,
            },
        )  # fmt: skip
        lines = [_line(row, account_id) for row in rows]
        return lines, bool(lines) and lines[-1].line < closing.lines

    async def lines(self, span: Span) -> AsyncIterator[Line]:
        """Yield the lines between the two balances, page by page."""
        after, more = 0, True
        while more:
            page, more = await self.page(span, after, PAGE)
            for line in page:
                after = line.timestamp
                yield line


def available(totals: Totals, flags: int, overdraft: int) -> int | None:
    """Return what a limited account may still move: holds count, the overdraft too."""
    if flags & _LIMIT_DEBITS:
        return totals.credits_posted + overdraft - totals.debits_posted - totals.debits_pending
    if flags & _LIMIT_CREDITS:
        return totals.debits_posted + overdraft - totals.credits_posted - totals.credits_pending
    return None


def _totals(row: Row) -> Totals:
    return Totals(
        int(row["debits_pending"]), int(row["debits_posted"]), int(row["credits_pending"]),
        int(row["credits_posted"]), row["line"], row["timestamp"],
    )  # fmt: skip


def _line(row: Row, account_id: UUID) -> Line:
    debit = row["debit_account_id"] == account_id
    names = ("credit_client_id", "credit_account_id") if debit else (
        "debit_client_id", "debit_account_id",
    )  # fmt: skip
    return Line(
        line=row["line"],
        timestamp=row["timestamp"],
        transfer_id=_shown(row["client_id"], row["transfer_id"]),
        side="debit" if debit else "credit",
        kind=_kind(row["flags"]),
        amount=int(row["amount"]),
        counterpart_id=_shown(row[names[0]], row[names[1]]),
        code=row["code"],
        reference=row["reference"],
        entry=row["entry"],
        totals=_totals(row),
    )


def _shown(client_id: UUID | None, stored_id: UUID) -> str:
    """Return a client's id as the number that it sent, any other as it is stored."""
    return str(stored_id) if client_id is None else str(client_id.int)


def _kind(flags: int) -> str:
    for flag, kind in _KINDS.items():
        if flags & flag:
            return kind
    return "posted"


_KINDS = {2: "pending", 4: "post", 8: "void", 65536: "expiry"}
