"""What the command line tells of the ledger: the trial balance, the chains, the invariants."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

import hazina
from hazina.bootstrap.app import SCHEMA, query_files
from hazina.cli.place import unused
from hazina.db import embedded
from hazina.db.pooled import PooledReader
from hazina.db.queries import load_queries
from hazina.ledger.verify import trial_balance, verify
from hazina.money.currency import exponent

_INVARIANTS = Path(hazina.__file__).parent / "ledger" / "invariants.sql"


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
    server = embedded.ensure(var / "postgres")
    try:
        yield server.url
    finally:
        with unused(var) as nobody_runs:
            if nobody_runs:
                embedded.stop(server)


async def show_trial_balance(url: str, console: Console | None = None) -> int:
    """Print the trial balance; return 0 if debits equal credits in every ledger, or else 1."""
    console = console or Console(highlight=False)
    async with _reader(url) as reader:
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


async def show_verification(url: str, console: Console | None = None) -> int:
    """Walk the chains and run the invariants; print what is wrong; return 0 if nothing is."""
    console = console or Console(highlight=False)
    async with _reader(url) as reader:
        findings = await verify(reader.query)
        names = sorted(load_queries([_INVARIANTS]))
        broken = {name: rows for name in names if (rows := await reader.query(name, {}))}
    for finding in findings:
        console.print(f"[red]✗[/] slot {finding.slot}, batch {finding.sequence}: {finding.problem}")
    for name, rows in broken.items():
        console.print(f"[red]✗[/] {name}: {len(rows)} rows, the first: {dict(rows[0])}")
    if not findings and not broken:
        console.print(f"[green]✓[/] hash chains whole, {len(names)} invariants hold")
    return 1 if findings or broken else 0


@asynccontextmanager
async def _reader(url: str) -> AsyncIterator[PooledReader]:
    reader = PooledReader(url, SCHEMA, [*query_files(), _INVARIANTS], size=1)
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()


def _shown(amount_minor: int, code: str) -> str:
    """Render an amount in its currency's main unit; nothing for zero."""
    if not amount_minor:
        return ""
    digits = exponent(code)
    unit = 10**digits
    whole = f"{amount_minor // unit:,}"
    return f"{whole}.{amount_minor % unit:0{digits}}" if digits else whole
