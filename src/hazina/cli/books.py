"""What the command line prints of the ledger: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from rich.console import Console
from rich.table import Column, Table

from hazina.bootstrap.ledgers import open_reader
from hazina.cli.place import NotPossible
from hazina.db.months import Partition
from hazina.db.pooled import PooledReader
from hazina.db.queries import load_queries
from hazina.db.table import Row
from hazina.ledger.chart import AccountCode, currency_of, is_live
from hazina.ledger.client import ID_MAX, flags_now, stored_id
from hazina.ledger.history import History, Line, Span, Totals, available
from hazina.ledger.stamps import nanoseconds
from hazina.ledger.verify import INVARIANTS, Head, heads, trial_balance, verify
from hazina.ledger.wire import ACCOUNT_FLAGS, names_of

_PAGE = 1_000
_WIDEST = 10_000
_DIGITS = re.compile(r"[0-9]{1,1000}")
_HASH = re.compile(r"[0-9a-f]{64}")
_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_COLUMNS = ("line", "time", "transfer", "side", "kind", "amount", "counterpart", "code",
            "reference", *_BALANCES)  # fmt: skip


def moment(text: str | None) -> int | None:
    """Read a moment: nanoseconds since 1970, or ISO 8601 (UTC unless it says otherwise)."""
    if text is None:
        return None
    if _DIGITS.fullmatch(text):
        moment_ns = int(text)
    else:
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise NotPossible(f"{text} is no moment: use ISO 8601 or nanoseconds.") from error
        moment_ns = nanoseconds(found if found.tzinfo else found.replace(tzinfo=UTC))
    if not 0 <= moment_ns < 2**63:
        raise NotPossible(f"{text} is no moment of a ledger: use one from 1970 to April 2262.")
    return moment_ns


def month(text: str) -> datetime:
    """Read a month, such as 2026-01; return its first moment (UTC)."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise NotPossible(f"{text} is no month: write it as 2026-01.") from error


async def show_accounts(url: str, space: str | None, merchant: str | None, as_json: bool) -> None:
    """Print accounts, one JSON object a line or a table; say so if there are none.

    Those of a space come in the order in which they were opened, all others in that of their ids.
    """
    table = _table("account", "space or owner", "ledger", "code", *_BALANCES, "flags", "overdraft")
    found = False
    async with open_reader(url) as reader:
        async for row in _accounts(reader, space, merchant):
            found, fields = True, _account(row)
            if as_json:
                shown = {**fields, "timestamp": row["timestamp"], "metadata": row["metadata"] or {}}
                print(orjson.dumps(shown).decode())
            else:
                *cells, flags, overdraft = fields.values()
                table.add_row(*map(str, cells), " ".join(flags), overdraft)
    if not found:
        whose = f" of {merchant}'s payments" if merchant else f" in {space}" if space else ""
        print(f"There are no accounts{whose}.", file=sys.stderr)
    elif not as_json:
        _print(table)


async def _accounts(
    reader: PooledReader, space: str | None, merchant: str | None
) -> AsyncIterator[Row]:
    """Yield accounts, read page by page."""
    name = "ledger_accounts_page" if space is None else "ledger_accounts_of_space_page"
    wanted = {"owner": merchant, "space": space, "limit": _PAGE}
    timestamp, after = 0, UUID(int=0)
    while rows := await reader.query(name, {**wanted, "timestamp": timestamp, "after": after}):
        for row in rows:
            yield row
        timestamp, after = rows[-1]["timestamp"], rows[-1]["id"]


async def show_balance(
    url: str, account_id: str, space: str, at: int | None, as_json: bool
) -> None:
    """Print the balances of an account at a moment."""
    async with open_reader(url) as reader:
        account = await _found(reader, account_id, space)
        totals = await History(reader).at(account["id"], at)
    left = available(totals, account["flags"], int(account["overdraft"]))
    shown = None if left is None else str(left)
    if as_json:
        fields = {"account": account_id, "at": at, **_shown(totals), "available": shown}
        print(orjson.dumps(fields).decode())
        return
    table = _table("account", "at", *_BALANCES, "available")
    when = "now" if at is None else _time(at)
    table.add_row(account_id, when, *_shown(totals).values(), shown or "")
    _print(table)


async def show_statement(
    url: str, account_id: str, space: str, start: int | None, end: int | None, form: str
) -> None:
    """Print a statement; CSV and JSON stream, so that memory stays flat."""
    async with open_reader(url) as reader:
        history = History(reader)
        span = await history.span(await _found(reader, account_id, space), start, end)
        if form == "csv":
            await _statement_csv(history, [span])
        elif form == "json":
            await _statement_json(history, span)
        else:
            await _statement_table(history, span)


async def show_merchant_statement(
    url: str, merchant: str, start: int | None, end: int | None, form: str
) -> None:
    """Print the statements of all accounts of a merchant's payments, one after the other.

    JSON is one object per account; CSV has the account in a first column.
    """
    async with open_reader(url) as reader:
        history = History(reader)
        rows = await reader.query(
            "ledger_accounts_page",
            {"after": UUID(int=0), "owner": merchant, "limit": _PAGE},
        )
        if not rows:
            raise NotPossible(f"There are no accounts of {merchant}: see `ledger accounts`.")
        rows = sorted(rows, key=lambda row: (row["ledger"], row["code"]))
        spans = [await history.span(row, start, end) for row in rows]
        if form == "csv":
            await _statement_csv(history, spans, named=True)
            return
        for span in spans:
            if form == "json":
                await _statement_json(history, span)
            else:
                print(_title(span.account))
                await _statement_table(history, span)


async def _statement_csv(history: History, spans: Sequence[Span], *, named: bool = False) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow((*(["account"] if named else []), *_COLUMNS))
    for span in spans:
        name = [_title(span.account)] if named else []
        writer.writerow((*name, *_end("opening", span.opening)))
        async for line in history.lines(span):
            writer.writerow((*name, *_cells(line)))
        writer.writerow((*name, *_end("closing", span.closing)))


def show_partitions(found: Sequence[Partition], as_json: bool) -> None:
    """Print the months of history, oldest first: one JSON object a line, or a table."""
    table = _table("partition", "from", "to", "lines (about)", "MB", "tablespace")
    for one in found:
        if as_json:
            shown = {
                "name": one.name, "first_ns": one.first_ns, "end_ns": one.end_ns,
                "lines_about": one.lines, "size_bytes": one.size_bytes,
                "tablespace": one.tablespace,
            }  # fmt: skip
            print(orjson.dumps(shown).decode())
        else:
            table.add_row(
                one.name, one.first, one.last, f"{one.lines:,}", f"{one.size_bytes // 1_000_000:,}",
                one.tablespace,
            )  # fmt: skip
    if not as_json:
        _print(table)


async def show_trial_balance_json(url: str) -> int:
    """Print the trial balance as JSON; return 0 if debits equal credits in every ledger."""
    async with open_reader(url) as reader:
        rows = await trial_balance(reader.query)
    print(orjson.dumps([asdict(row) for row in rows]).decode())
    sums: dict[tuple[str, bool], int] = {}
    for row in rows:
        key = (row.currency, row.livemode)
        sums[key] = sums.get(key, 0) + row.debit_minor - row.credit_minor
    return 1 if any(sums.values()) else 0


async def show_trial_balance_of_space(url: str, space: str, as_json: bool) -> int:
    """Print the sums of a client's accounts by ledger and code; return 0 if they are in balance.

    The one-sided amounts are the posted debits less the credits, or the other way round.
    """
    async with open_reader(url) as reader:
        rows = await reader.query("ledger_trial_balance_of_space", {"space": space})
    table = _table("ledger", "code", "debit", "credit")
    nets: dict[int, int] = {}
    shown = []
    for row in rows:
        net = int(row["debits"]) - int(row["credits"])
        nets[row["ledger"]] = nets.get(row["ledger"], 0) + net
        sides = {"debit": str(max(net, 0)), "credit": str(max(-net, 0))}
        shown.append({"ledger": row["ledger"], "code": row["code"], **sides})
        table.add_row(*(str(value) for value in shown[-1].values()))
    if as_json:
        print(orjson.dumps(shown).decode())
    elif shown:
        _print(table)
    if not shown:
        print(f"Nothing is booked in {space}.", file=sys.stderr)
    return 1 if any(nets.values()) else 0


async def show_heads(url: str) -> None:
    """Print the heads of all chains as one JSON list."""
    async with open_reader(url) as reader:
        print(orjson.dumps([asdict(head) for head in await heads(reader.query)]).decode())


async def show_verification(
    url: str, anchor: Path | None = None, as_json: bool = False, console: Console | None = None
) -> int:
    """Walk the chains and run the invariants; print what is wrong; return 0 if nothing is."""
    errors = Console(stderr=True, highlight=False)
    known = _anchor(anchor)

    def progress(slot: int, sequence: int) -> None:
        if errors.is_terminal:
            errors.print(f"slot {slot}: {sequence} batches", end="\r")

    async with open_reader(url) as reader:
        findings = await verify(reader.query, progress, known)
        broken = await _broken(reader)
    if as_json:
        found = {"findings": [asdict(one) for one in findings], "broken_invariants": broken}
        print(orjson.dumps(found, default=str).decode())
    else:
        out = console or Console(highlight=False)
        for one in findings:
            out.print(f"[red]✗[/] slot {one.slot}, batch {one.sequence}: {one.problem}")
        for name, rows in broken.items():
            out.print(f"[red]✗[/] {name}: {len(rows)} rows, the first: {rows[0]}")
        if not findings and not broken:
            anchored = f", {len(known)} anchored heads found" if known else ""
            count = len(load_queries([INVARIANTS]))
            out.print(f"[green]✓[/] hash chains whole, {count} invariants hold{anchored}")
    return 1 if findings or broken else 0


async def show_invariants(url: str, as_json: bool) -> int:
    """Run the invariants; print each with its rows; return 0 if none has any."""
    async with open_reader(url) as reader:
        broken = await _broken(reader)
    names = list(load_queries([INVARIANTS]))
    if as_json:
        counts = {name: len(broken.get(name, [])) for name in names}
        print(orjson.dumps(counts).decode())
    else:
        for name in names:
            mark = "[red]✗[/]" if name in broken else "[green]✓[/]"
            Console(highlight=False).print(f"{mark} {name}")
    return 1 if broken else 0


async def _broken(reader: PooledReader) -> dict[str, list[dict[str, Any]]]:
    names = load_queries([INVARIANTS])
    return {
        name: [dict(row) for row in rows]
        for name in names
        if (rows := await reader.query(name, {}))
    }


def _anchor(file: Path | None) -> list[Head]:
    if file is None:
        return []
    none = f"{file} holds no heads: make it with `hazina ledger heads`."
    try:
        found = [Head(**head) for head in orjson.loads(file.read_bytes())]
    except (OSError, TypeError, ValueError) as error:
        raise NotPossible(none) from error
    if not found or not all(_is_head(head) for head in found):
        raise NotPossible(none)
    return found


def _is_head(head: Head) -> bool:
    """Tell whether what was read has a head's types and ranges."""
    numbers = type(head.slot) is int and type(head.sequence) is int
    if not numbers or not (0 <= head.slot < 2**31 and 0 <= head.sequence < 2**63):
        return False
    return isinstance(head.hash, str) and _HASH.fullmatch(head.hash) is not None


async def _found(reader: PooledReader, account_id: str, space: str) -> Row:
    """Return the account of a client's number, or of a stored id."""
    history = History(reader)
    row = None
    if _DIGITS.fullmatch(account_id):
        if int(account_id) > ID_MAX:
            raise NotPossible(f"{account_id} is no client's number: they end at {ID_MAX}.")
        row = await history.account(stored_id(space, int(account_id)), space)
    else:
        try:
            row = await reader.get("account", (UUID(account_id),))
        except ValueError:
            row = None
    if row is None:
        raise NotPossible(f"There is no account {account_id} in {space}: see `ledger accounts`.")
    return row


async def _statement_json(history: History, span: Span) -> None:
    """Print one object: both balances, then the lines as they come."""
    opening, closing = orjson.dumps(_shown(span.opening)), orjson.dumps(_shown(span.closing))
    out = sys.stdout
    account = orjson.dumps(_account(span.account)["account"]).decode()
    out.write(
        f'{{"account":{account},"opening":{opening.decode()},"closing":{closing.decode()},"lines":['
    )
    comma = "\n"
    async for line in history.lines(span):
        fields = {**asdict(line), "amount": str(line.amount), "totals": _shown(line.totals)}
        out.write(comma + orjson.dumps(fields).decode())
        comma = ",\n"
    out.write("\n]}\n")


async def _statement_table(history: History, span: Span) -> None:
    table = _table(*_COLUMNS)
    table.add_row(*_end("opening", span.opening))
    async for line in history.lines(span):
        table.add_row(*_cells(line))
    table.add_row(*_end("closing", span.closing))
    _print(table)


def _table(*names: str) -> Table:
    """Return a table that never cuts a number: what is too wide goes on in the next line."""
    return Table(*(Column(name, overflow="fold") for name in names))


def _print(table: Table) -> None:
    """Print a table as wide as it is, unless a terminal bounds it; cells are texts, no markup."""
    plain = Console(highlight=False, markup=False, emoji=False)
    if not plain.is_terminal:
        plain.width = _WIDEST
    plain.print(table)


def _cells(line: Line) -> Sequence[str]:
    return (
        str(line.line), _time(line.timestamp), line.transfer_id, line.side, line.kind,
        str(line.amount), line.counterpart_id, str(line.code), line.reference,
        *(_shown(line.totals)[name] for name in _BALANCES),
    )  # fmt: skip


def _end(name: str, totals: Totals) -> Sequence[str]:
    return (name, *[""] * 8, *(_shown(totals)[one] for one in _BALANCES))


def _shown(totals: Totals) -> dict[str, str]:
    return {name: str(getattr(totals, name)) for name in _BALANCES}


def _account(row: Row) -> dict[str, Any]:
    shown = str(row["id"]) if row["client_id"] is None else str(row["client_id"].int)
    whose = row["space"] or row["owner"] or "the house"
    fields = {"account": shown, "whose": whose, "ledger": row["ledger"], "code": row["code"]}
    fields |= {name: str(int(row[name])) for name in _BALANCES}
    return fields | {
        "flags": names_of(flags_now(row), ACCOUNT_FLAGS),
        "overdraft": str(int(row["overdraft"])),
    }


def _title(row: Row) -> str:
    """Name a payments' account: what it is for, its currency and mode."""
    mode = "live" if is_live(row["ledger"]) else "test"
    name = AccountCode(row["code"]).name.lower().replace("_", " ")
    return f"{name} {currency_of(row['ledger'])} {mode}"


def _time(timestamp: int) -> str:
    whole, rest = divmod(timestamp, 10**9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
