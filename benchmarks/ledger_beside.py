"""What the ledger is measured beside: posting row by row as is usual, and COPY of the same rows."""

from __future__ import annotations

import itertools
import random
import resource
import threading
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg

from benchmarks.ledger_load import ACCOUNTS, LEDGER, SPACE, LedgerLoad
from benchmarks.stage import family_ms, machine_ms

_TRANSFER = (
    "id, debit_account_id, credit_account_id, amount, ledger, code, flags, timeout_seconds,"
    " reference, entry, slot, sequence, position, space, client_id, timestamp"
)
_LINE = (
    "account_id, line, transfer_id, amount, debits_pending, debits_posted, credits_pending,"
    " credits_posted, timestamp"
)
_SLOT = 999
_POSITIONS = itertools.count()


def row_by_row(url: str, threads: int, seconds: float, postmaster: int) -> LedgerLoad:
    """Post as is usual: each caller has a connection and commits each transfer by itself.

    Both accounts are locked in order, read, and updated; one transfer and two lines are inserted.
    Nothing is checked, hashed or judged beside that.
    """
    account_ids = _account_ids(url)
    until = time.perf_counter() + seconds
    times: list[float] = []

    def work() -> None:
        choose = random.Random()
        with psycopg.connect(url) as connection:
            while (began := time.perf_counter()) < until:
                _post(connection, *choose.sample(account_ids, 2), choose.randint(100, 70_000))
                times.append(time.perf_counter() - began)

    return _measured(lambda: _in_threads(work, threads), times, 1, postmaster)


def raw_copy(url: str, seconds: float, postmaster: int) -> LedgerLoad:
    """COPY transfers and lines, a thousand transfers per commit: the limit for these tables.

    No account is locked or changed, and nothing is looked up.
    """
    account_ids = _account_ids(url)
    until = time.perf_counter() + seconds
    times: list[float] = []
    lines = itertools.count(time.time_ns())  # Beyond those of accounts, and of the rounds before.

    def work() -> None:
        choose = random.Random()
        with psycopg.connect(url) as connection:
            while (began := time.perf_counter()) < until:
                transfers, history = _rows(account_ids, choose, lines, 1_000)
                for table, columns, rows in (
                    ("transfer", _TRANSFER, transfers), ("account_history", _LINE, history),
                ):  # fmt: skip
                    cursor = connection.cursor()
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                        copy.write(rows)
                connection.commit()
                times.append(time.perf_counter() - began)

    return _measured(work, times, 1_000, postmaster)


def _post(connection: psycopg.Connection, debit: UUID, credit: UUID, amount: int) -> None:
    transfer_id, now = uuid4(), time.time_ns()
    first, second = sorted((debit, credit))
    connection.execute(
        "SELECT id FROM account WHERE id IN (%s, %s) ORDER BY id FOR UPDATE", (first, second)
    ).fetchall()
    balances = []
    for account_id, side in ((debit, "debits_posted"), (credit, "credits_posted")):
        statement = (
            f"UPDATE account SET {side} = {side} + %s, lines = lines + 1, version = version + 1"
            " WHERE id = %s RETURNING id, lines, debits_pending, debits_posted, credits_pending,"
            " credits_posted"
        )
        found = connection.execute(statement.encode(), (amount, account_id)).fetchone()
        assert found is not None
        balances.append(found)
    connection.execute(
        f"INSERT INTO transfer ({_TRANSFER}) VALUES"
        " (%s, %s, %s, %s, %s, 7, 0, 0, '', '', %s, 0, %s, %s, %s, %s)".encode(),
        (transfer_id, debit, credit, amount, LEDGER, _SLOT, next(_POSITIONS), SPACE, transfer_id,
         now),
    )  # fmt: skip
    for account_id, line, *four in balances:
        connection.execute(
            f"INSERT INTO account_history ({_LINE}) VALUES"
            " (%s, %s, %s, %s, %s, %s, %s, %s, %s)".encode(),
            (account_id, line, transfer_id, amount, *four, now),
        )
    connection.commit()


def _rows(
    account_ids: list[UUID], choose: random.Random, lines: itertools.count[int], count: int
) -> tuple[str, str]:
    now = time.time_ns()
    transfers, history = [], []
    for _ in range(count):
        now += 1
        transfer_id = UUID(int=(now // 1_000_000 << 80) | choose.getrandbits(80))
        debit, credit = choose.sample(account_ids, 2)
        transfers.append(
            f"{transfer_id}\t{debit}\t{credit}\t500\t{LEDGER}\t7\t0\t0\t\t\t{_SLOT}\t0"
            f"\t{next(_POSITIONS)}\t{SPACE}\t{transfer_id}\t{now}\n"
        )
        for account_id in (debit, credit):
            balances = "0\t123456\t0\t234567"
            history.append(f"{account_id}\t{next(lines)}\t{transfer_id}\t500\t{balances}\t{now}\n")
    return "".join(transfers), "".join(history)


def _account_ids(url: str) -> list[UUID]:
    with psycopg.connect(url) as connection:
        query = "SELECT id FROM account WHERE space = %s ORDER BY id LIMIT %s"
        return [row[0] for row in connection.execute(query, (SPACE, ACCOUNTS))]


def _in_threads(work: Callable[[], None], threads: int) -> None:
    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def _measured(
    run: Callable[[], None], times: list[float], transfers_each: int, postmaster: int
) -> LedgerLoad:
    before, own = family_ms(postmaster), resource.getrusage(resource.RUSAGE_SELF)
    machine, began = machine_ms(), time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    machine = machine_ms() - machine
    time.sleep(0.3)  # Backends that have ended are counted once they are reaped.
    after, own_after = family_ms(postmaster), resource.getrusage(resource.RUSAGE_SELF)
    used = own_after.ru_utime + own_after.ru_stime - own.ru_utime - own.ru_stime
    times.sort()
    transfers = len(times) * transfers_each
    return LedgerLoad(
        transfers=transfers,
        seconds=seconds,
        p50_ms=1000 * times[len(times) // 2],
        p99_ms=1000 * times[len(times) * 99 // 100],
        client_us=used * 1e6 / transfers,
        postgres_us=max(0.0, after - before) * 1000 / transfers,
        machine_us=machine * 1000 / transfers,
    )
