"""How many lines an account has up to a moment, however unevenly they came."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from hazina.ledger.client import AccountEvent, stored_id
from tests.support.ledger_on_postgres import a_ledger

_LINES = 700
_GAPS = {
    "evenly": lambda n: 1000,
    "faster and faster": lambda n: 1 + 10**9 // (n + 1) ** 3,
    "slower and slower": lambda n: 1 + n**3,
    "in bursts": lambda n: 10**12 if n % 97 == 0 else 1,
    "one long ago": lambda n: 10**15 if n == 1 else 3,
    "one just now": lambda n: 10**15 if n == _LINES - 1 else 3,
}
_FILL = """
INSERT INTO transfer (
    id, debit_account_id, credit_account_id, amount, ledger, code, flags, timeout_seconds,
    reference, entry, slot, sequence, position, space, client_id, timestamp
)
SELECT md5(n::text)::uuid, %(debit)s, %(credit)s, 5, 1, 1, 0, 0, '', '', 9, 1, n, 'a',
       md5(n::text)::uuid, at
FROM unnest(%(times)s::bigint[]) WITH ORDINALITY AS u(at, n);
INSERT INTO account_history (
    account_id, line, transfer_id, amount, debits_pending, debits_posted, credits_pending,
    credits_posted, timestamp
)
SELECT %(debit)s, n, md5(n::text)::uuid, 5, 0, 5 * n, 0, 0, at
FROM unnest(%(times)s::bigint[]) WITH ORDINALITY AS u(at, n);
UPDATE account SET lines = cardinality(%(times)s::bigint[]) WHERE id = %(debit)s;
"""


def _times(how: str) -> list[int]:
    return list(itertools.accumulate((_GAPS[how](n) for n in range(_LINES)), initial=10**6))[1:]


def _moments(times: list[int]) -> Iterator[tuple[int, int]]:
    """Yield moments at, just before and just after each line, with the lines there are by then."""
    for line, at in enumerate(times, 1):
        yield at - 1, line - 1
        yield at, line
    yield times[-1] + 1, len(times)
    yield 0, 0


@pytest.mark.parametrize("how", _GAPS)
async def test_lines_until_a_moment(fresh_database_url: str, how: str) -> None:
    times = _times(how)
    async with a_ledger(fresh_database_url) as ledger:
        await ledger.ledgers.create_accounts("a", [AccountEvent(1, 1, 1), AccountEvent(2, 1, 1)])
        places = {"debit": stored_id("a", 1), "credit": stored_id("a", 2), "times": times}
        with psycopg.connect(fresh_database_url) as connection:
            psycopg.ClientCursor(connection).execute(_FILL.encode(), places)
        history = ledger.ledgers.history
        for moment, lines in _moments(times):
            found = await history.at(stored_id("a", 1), moment)
            assert (found.lines, found.debits_posted) == (lines, 5 * lines)
