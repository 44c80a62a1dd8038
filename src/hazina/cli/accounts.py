"""The database that a command looks into, and the trial balance in its currencies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hazina.bootstrap.ledgers import open_reader
from hazina.cli.place import NotPossible, unused
from hazina.db import embedded
from hazina.db.embedded_place import holds_data
from hazina.db.migrate import SchemaError, check, migrate
from hazina.ledger.verify import trial_balance
from hazina.money.currency import exponent


@contextmanager
def database(var: Path) -> Iterator[str]:
    """Yield the URL of one's own database, or of the embedded one of a folder.

    An embedded server that no running system uses is stopped again.
    """
    own = os.environ.get("HAZINA_DATABASE_URL")
    if own:
        yield own
        return
    var.mkdir(parents=True, exist_ok=True)
    server = embedded.ensure(_place(var))
    try:
        yield server.url
    finally:
        with unused(var) as nobody_runs:
            if nobody_runs:
                embedded.stop(server)


@contextmanager
def ready_database(var: Path, *, make: bool = False) -> Iterator[str]:
    """Yield the URL of a database that has this release's schema.

    An embedded one that nobody uses is brought up to it, as a start would do; with `make` it is
    made in a folder that has none. Raises `SchemaError` for any other that lacks something, and
    `NotPossible` where nothing is to be looked into.
    """
    if not make and not os.environ.get("HAZINA_DATABASE_URL") and not holds_data(_place(var)):
        raise NotPossible(
            f"There is no database in {var}: name the folder of yours with --var, or its address "
            "with HAZINA_DATABASE_URL."
        )
    with database(var) as url:
        try:
            check(url)
        except SchemaError:
            if os.environ.get("HAZINA_DATABASE_URL"):
                raise
            with unused(var) as nobody_runs:
                if not nobody_runs:
                    raise
                migrate(url)
        yield url


def _place(var: Path) -> Path:
    return var / "postgres"


async def show_trial_balance(url: str, console: Console | None = None) -> int:
    """Print the trial balance; return 0 if debits equal credits in every ledger, or else 1."""
    console = console or Console(highlight=False)
    async with open_reader(url) as reader:
        rows = await trial_balance(reader.query)
    table = Table(title="Trial balance", title_justify="left")
    for heading in ("account", "currency", "mode"):
        table.add_column(heading)
    for heading in ("debit", "credit"):
        table.add_column(heading, justify="right")
    sums: dict[tuple[str, bool], list[int]] = {}
    for row in rows:
        mode = "live" if row.livemode else "test"
        debit, credit = (
            _shown(amount, row.currency) for amount in (row.debit_minor, row.credit_minor)
        )
        table.add_row(row.name, row.currency, mode, debit, credit)
        both = sums.setdefault((row.currency, row.livemode), [0, 0])
        both[0] += row.debit_minor
        both[1] += row.credit_minor
    table.add_section()
    for (code, livemode), (debits, credits) in sums.items():
        cells = [_shown(amount, code) or "0" for amount in (debits, credits)]
        table.add_row("sum", code, "live" if livemode else "test", *cells, style="bold")
    console.print(table)
    return 0 if all(debits == credits for debits, credits in sums.values()) else 1


def _shown(amount_minor: int, code: str) -> str:
    """Render an amount in its currency's main unit; nothing for zero."""
    if not amount_minor:
        return ""
    digits = exponent(code)
    unit = 10**digits
    whole = f"{amount_minor // unit:,}"
    return f"{whole}.{amount_minor % unit:0{digits}}" if digits else whole
