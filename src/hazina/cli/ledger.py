"""The commands of `hazina ledger`: scripts, accounts, balances, statements, proof."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hazina.bootstrap.ledgers import open_ledgers, open_reader
from hazina.cli import accounts, books
from hazina.cli.place import NotPossible
from hazina.db import months
from hazina.ledger import dump
from hazina.ledger.scratch import Scratch
from hazina.ledger.script import Script

app = typer.Typer(help="Book in the ledger, look into it, and prove it.", no_args_is_help=True)

Var = Annotated[Path, typer.Option(envvar="HAZINA_VAR", help="Folder that keeps all data.")]


def _whose(name: str | None) -> str | None:
    """Refuse an account's id without its mode: it would silently name another, empty ledger."""
    if name is not None and name.startswith("acct_") and not name.endswith(("_test", "_live")):
        raise NotPossible(
            f"{name} has a ledger for each mode: name {name}_test for what keys in test mode book, "
            f"or {name}_live."
        )
    return name


Space = Annotated[
    str,
    typer.Option(
        callback=_whose,
        help="Whose ledger: acct_..._test or acct_..._live of a merchant, or any name of your own.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
File = Annotated[str, typer.Argument(help="A file, or - for standard input.")]
AccountId = Annotated[
    str, typer.Argument(help="A client's number, or the stored id of any account.")
]
Moment = Annotated[
    str | None, typer.Option(help="A moment: ISO 8601 or nanoseconds since 1970; inclusive.")
]
_VAR = Path("var")
_SPACE = "operator"


@app.command()
def apply(
    file: File,
    space: Space = _SPACE,
    scratch: Annotated[
        bool, typer.Option(help="Use an empty throwaway ledger on a clock of the script's.")
    ] = False,
    var: Var = _VAR,
) -> None:
    """Carry out requests, one JSON object a line, and answer each with one line."""
    if scratch:
        raise typer.Exit(asyncio.run(_apply_scratch(file, space)))
    with accounts.ready_database(var, make=True) as url:
        raise typer.Exit(asyncio.run(_apply(url, file, space)))


@app.command("accounts")
def accounts_command(
    space: Annotated[
        str | None, typer.Option(callback=_whose, help="Only the accounts of this client's ledger.")
    ] = None,
    merchant: Annotated[
        str | None,
        typer.Option(
            callback=_whose, help="Only those of this merchant's payments: acct_..._test."
        ),
    ] = None,
    as_json: AsJson = False,
    var: Var = _VAR,
) -> None:
    """List accounts with their balances."""
    if space is not None and merchant is not None:
        raise NotPossible("Name a client's ledger with --space, or a merchant's payments.")
    with accounts.ready_database(var) as url:
        asyncio.run(books.show_accounts(url, space, merchant, as_json))


@app.command()
def balance(
    account: AccountId,
    space: Space = _SPACE,
    at: Moment = None,
    as_json: AsJson = False,
    var: Var = _VAR,
) -> None:
    """Print an account's balances, now or at a moment."""
    with accounts.ready_database(var) as url:
        asyncio.run(books.show_balance(url, account, space, books.moment(at), as_json))


@app.command()
def statement(
    account: Annotated[
        str | None, typer.Argument(help="A client's number, or the stored id of any account.")
    ] = None,
    space: Space = _SPACE,
    merchant: Annotated[
        str | None,
        typer.Option(
            callback=_whose,
            help="All accounts of the payments of this merchant instead: acct_..._test.",
        ),
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First moment, inclusive.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last moment, inclusive.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
    var: Var = _VAR,
) -> None:
    """Print an account's lines between its opening and its closing balance."""
    form = "csv" if csv else "json" if as_json else "table"
    first, last = books.moment(start), books.moment(end)
    if csv and as_json:
        raise NotPossible("Choose one of --csv and --json.")
    if (account is None) == (merchant is None):
        raise NotPossible("Name an account, or a merchant with --merchant.")
    if first is not None and last is not None and first > last:
        raise NotPossible("--from must not be later than --to; both are inclusive.")
    with accounts.ready_database(var) as url:
        if merchant is not None:
            asyncio.run(books.show_merchant_statement(url, merchant, first, last, form))
        else:
            asyncio.run(books.show_statement(url, str(account), space, first, last, form))


@app.command("trial-balance")
def trial_balance(
    space: Annotated[
        str | None,
        typer.Option(callback=_whose, help="The sums of this client's ledger instead."),
    ] = None,
    as_json: AsJson = False,
    var: Var = _VAR,
) -> None:
    """Print the sums of all accounts of payments, or with --space of a client's ledger.

    Debits equal credits in every currency and mode, and in every ledger of a client; the exit code
    is 1 if they do not anywhere.
    """
    with accounts.ready_database(var) as url:
        if space is not None:
            raise typer.Exit(asyncio.run(books.show_trial_balance_of_space(url, space, as_json)))
        if as_json:
            raise typer.Exit(asyncio.run(books.show_trial_balance_json(url)))
        raise typer.Exit(asyncio.run(accounts.show_trial_balance(url)))


@app.command()
def verify(
    anchor: Annotated[
        Path | None, typer.Option(help="Heads exported before, by `hazina ledger heads`.")
    ] = None,
    as_json: AsJson = False,
    var: Var = _VAR,
) -> None:
    """Walk the hash chains and run every invariant; exit code 1 if anything is wrong."""
    with accounts.ready_database(var) as url:
        raise typer.Exit(asyncio.run(books.show_verification(url, anchor, as_json)))


@app.command()
def heads(var: Var = _VAR) -> None:
    """Print the head of every hash chain as JSON, to be kept where nobody can change it."""
    with accounts.ready_database(var) as url:
        asyncio.run(books.show_heads(url))


@app.command()
def invariants(as_json: AsJson = False, var: Var = _VAR) -> None:
    """Run every invariant of the ledger; exit code 1 if one is broken."""
    with accounts.ready_database(var) as url:
        raise typer.Exit(asyncio.run(books.show_invariants(url, as_json)))


@app.command()
def partitions(
    ahead: Annotated[
        int | None, typer.Option(help="Make what is missing until so many months after this one.")
    ] = None,
    move_before: Annotated[
        str | None, typer.Option(help="Move what ended before this month, such as 2026-01 ...")
    ] = None,
    tablespace: Annotated[str | None, typer.Option(help="... to this tablespace.")] = None,
    as_json: AsJson = False,
    var: Var = _VAR,
) -> None:
    """List the months in which lines of history are stored; make months, or move old ones.

    Run it with --ahead 3 every month, as the owner of the tables. Nothing is lost where it is
    forgotten: lines beyond the last month are kept together, until it is run.
    """
    if (move_before is None) != (tablespace is None):
        raise NotPossible("--move-before and --tablespace belong together.")
    before = None if move_before is None else books.month(move_before)
    with accounts.ready_database(var) as url:
        try:
            for name in months.make_months(url, ahead) if ahead is not None else ():
                print(f"made {name}", file=sys.stderr)
            if before is not None and tablespace is not None:
                for moved in months.move_months(url, before, tablespace):
                    print(f"moved {moved.name} to {tablespace}", file=sys.stderr, flush=True)
            books.show_partitions(months.partitions(url), as_json)
        except months.MonthsError as error:
            raise NotPossible(str(error)) from error


@app.command()
def export(space: Space = _SPACE, var: Var = _VAR) -> None:
    """Print a client's whole ledger as JSON Lines that `import` makes again.

    The accounts of payments belong to no client's ledger and are not exported.
    """
    with accounts.ready_database(var) as url:
        asyncio.run(_export(url, space))


@app.command("import")
def import_command(file: File, space: Space = _SPACE, var: Var = _VAR) -> None:
    """Make what `export` printed, with its own timestamps; into a fresh space.

    One that stopped is taken up again by importing the same file: what exists is passed over.
    """
    with accounts.ready_database(var, make=True) as url:
        print(f"{asyncio.run(_import(url, file, space))} events")


async def _apply_scratch(file: str, space: str) -> int:
    scratch = Scratch()
    return await _play(Script(scratch.ledgers, space, scratch.advance_ns), file)


async def _apply(url: str, file: str, space: str) -> int:
    async with open_ledgers(url) as ledger:
        return await _play(Script(ledger.ledgers, space), file)


async def _play(script: Script, file: str) -> int:
    with _lines(file) as lines:
        for line in lines:
            if line.strip():
                sys.stdout.write((await script.answer(line)).decode() + "\n")
                sys.stdout.flush()
    return 1 if script.failures else 0


async def _export(url: str, space: str) -> None:
    async with open_reader(url) as reader:
        lines = 0
        async for line in dump.dump(reader, space):
            sys.stdout.write(line.decode() + "\n")
            lines += 1
    if not lines:
        print(f"There are no accounts in {space}: nothing was exported.", file=sys.stderr)


async def _import(url: str, file: str, space: str) -> int:
    async with open_ledgers(url) as ledger:
        with _lines(file) as lines:
            try:
                return await dump.load(ledger.ledgers, space, lines)
            except dump.DumpError as error:
                raise NotPossible(
                    f"The import stopped at {str(error).rstrip('.')}. What came before it stays. "
                    "Mend the file and import it into a fresh space: this one may remember ids "
                    "that failed."
                ) from error


@contextmanager
def _lines(file: str) -> Iterator[Iterator[str]]:
    """Open a file, or standard input, line by line."""
    if file != "-" and not Path(file).is_file():
        raise NotPossible(f"There is no file {file}.")
    source: str | int = sys.stdin.fileno() if file == "-" else file
    # Bytes that are no text spoil their own line alone: the request that holds them is refused.
    with open(source, encoding="utf-8", errors="surrogateescape", closefd=file != "-") as handle:
        yield iter(handle)
