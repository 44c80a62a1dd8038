"""A long statement streams: reading it takes the memory of a page, however many lines it has."""

from __future__ import annotations

import tracemalloc

import psycopg

from hazina.ledger.client import AccountEvent, stored_id
from tests.support.ledger_on_postgres import LedgerOnPostgres, a_ledger

_LINES = 12_000
_FILL = """
INSERT INTO transfer (
    id, debit_account_id, credit_account_id, amount, ledger, code, flags, timeout_seconds,
    reference, entry, slot, sequence, position, space, client_id, timestamp
)
SELECT md5(n::text)::uuid, %(debit)s, %(credit)s, 5, 1, 1, 0, 0, '', '', 9, 1, n, 'a',
       md5(n::text)::uuid, 1000 * n
FROM generate_series(1, %(lines)s) n;
INSERT INTO account_history (
    account_id, line, transfer_id, amount, debits_pending, debits_posted, credits_pending,
    credits_posted, timestamp
)
SELECT %(debit)s, n, md5(n::text)::uuid, 5, 0, 5 * n, 0, 0, 1000 * n
FROM generate_series(1, %(lines)s) n;
UPDATE account SET lines = %(lines)s, debits_posted = 5 * %(lines)s WHERE id = %(debit)s;
"""


async def _peak(ledger: LedgerOnPostgres, upto: int) -> int:
    """Return the most memory that reading the lines up to a moment took, in bytes."""
    history = ledger.ledgers.history
    account = await history.account(stored_id("a", 1), "a")
    assert account is not None
    span = await history.span(account, None, 1000 * upto)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    read = 0
    async for line in history.lines(span):
        read += 1
        assert (line.line, line.totals.debits_posted) == (read, 5 * read)
    assert read == upto
    return tracemalloc.get_traced_memory()[1] - before


async def test_a_statement_six_times_as_long_takes_no_more_memory(fresh_database_url: str) -> None:
    async with a_ledger(fresh_database_url) as ledger:
        await ledger.ledgers.create_accounts("a", [AccountEvent(1, 1, 1), AccountEvent(2, 1, 1)])
        places = {"debit": stored_id("a", 1), "credit": stored_id("a", 2), "lines": _LINES}
        with psycopg.connect(fresh_database_url) as connection:
            psycopg.ClientCursor(connection).execute(_FILL.encode(), places)
        tracemalloc.start()
        try:
            await _peak(ledger, 1_000)  # Connections and plans are made once.
            short, long = await _peak(ledger, _LINES // 6), await _peak(ledger, _LINES)
        finally:
            tracemalloc.stop()
    assert long < 1.2 * short
