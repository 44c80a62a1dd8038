"""`hazina relay` and `hazina consume`: what carries events to Kafka, and what reads them there."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hazina.bootstrap import streams
from hazina.bootstrap.app import Core
from hazina.bootstrap.logs import configure_logs
from hazina.cli.accounts import database
from hazina.cli.keys import with_core
from hazina.cli.place import NotPossible
from hazina.consuming.service import Applying
from hazina.db.table import Row
from hazina.kafka.record import SendFailed
from hazina.kafka.relay import Relay
from hazina.reports.daily_totals import totals

relay = typer.Typer(help="Look after the relay of events to Kafka.", no_args_is_help=True)
consume = typer.Typer(help="Read events from Kafka, each with one effect.", no_args_is_help=True)

Var = Annotated[Path, typer.Option(envvar="HAZINA_VAR", help="Folder that keeps all data.")]
Name = Annotated[str, typer.Argument(help=f"One of: {', '.join(streams.HANDLERS)}.")]
_VAR = Path("var")
_PAUSE_MS = 2_000


@relay.command()
def status(var: Var = _VAR) -> None:
    """Print how far behind the relay is, in seconds, and how much it has set aside."""

    async def work(core: Core) -> None:
        found = _relay(core)
        oldest = await found.oldest()
        behind = 0 if oldest is None else int((core.clock.now() - oldest).total_seconds())
        print(f"behind_seconds {behind}")
        print(f"quarantined    {len(await found.quarantined(1_000))}")

    _run(work, var)


@relay.command("quarantined")
def relay_quarantined(var: Var = _VAR) -> None:
    """List events that the broker refused for what they are."""

    async def work(core: Core) -> None:
        rows = await _relay(core).quarantined(1_000)
        _show(rows, ("merchant_id", "event_id", "created", "reason"))

    _run(work, var)


@relay.command("replay")
def relay_replay(var: Var = _VAR) -> None:
    """Send events that were set aside once more."""

    async def work(core: Core) -> None:
        try:
            print(f"{await _relay(core).replay(1_000)} sent")
        except SendFailed as failed:
            raise NotPossible(f"Kafka does not take it: {failed}.") from None

    _run(work, var)


@consume.command()
def run(
    name: Name,
    since: Annotated[
        str | None,
        typer.Option(help="Read again from this moment on (ISO 8601); what is known stays."),
    ] = None,
    var: Var = _VAR,
) -> None:
    """Read events and apply them until Ctrl-C; any number of processes share the work."""
    configure_logs()
    moment = _moment(since)

    async def work(core: Core) -> None:
        if not core.settings.kafka_brokers:
            raise NotPossible("there is no Kafka: set HAZINA_KAFKA_BROKERS.")
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        reading = streams.reading(core.settings, _applying(core, name), moment)
        try:
            await reading.run(stop, _PAUSE_MS, core.clock.sleep_ms)
        finally:
            await reading.close()

    _run(work, var)


@consume.command()
def parked(name: Name, var: Var = _VAR) -> None:
    """List records that could not be applied: waiting for another try, or quarantined."""

    async def work(core: Core) -> None:
        rows = await _applying(core, name).parked(limit=1_000)
        _show(rows, ("event_id", "state", "tries", "received", "reason"))

    _run(work, var)


@consume.command()
def replay(name: Name, var: Var = _VAR) -> None:
    """Try quarantined records anew, now that their reason is gone."""

    async def work(core: Core) -> None:
        applying = _applying(core, name)
        tried = await applying.replay()
        left = len(await applying.parked())
        print(f"{tried} tried, {left} still set aside")

    _run(work, var)


@consume.command("totals")
def totals_command(
    merchant: Annotated[str | None, typer.Option(help="Only this merchant, acct_..._test.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
    var: Var = _VAR,
) -> None:
    """Print the daily totals, in minor units."""

    async def work(core: Core) -> None:
        rows = await totals(core.reader, merchant, first, last)
        if as_json:
            for row in rows:
                print(orjson.dumps(dict(row)).decode())
            return
        names = ("merchant_id", "day", "currency", "charges", "captured", "refunds", "refunded")
        _show(rows, names)

    _run(work, var)


def _relay(core: Core) -> Relay:
    if core.relay is None:
        raise NotPossible("there is no relay: set HAZINA_KAFKA_BROKERS.")
    return core.relay


def _applying(core: Core, name: str) -> Applying:
    if name not in streams.HANDLERS:
        raise NotPossible(f"there is no consumer {name}: choose {', '.join(streams.HANDLERS)}.")
    return streams.applying(core.reader, core.writer, core.clock, name)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotPossible(f"{text} is no moment: write it as 2026-01-31T08:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _show(rows: Sequence[Row], names: Sequence[str]) -> None:
    table = Table(*names)
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    Console(highlight=False).print(table)


def _cell(found: Any) -> str:
    return found.isoformat(timespec="seconds") if isinstance(found, datetime) else str(found)


def _run(work: Callable[[Core], Awaitable[None]], var: Path) -> None:
    with database(var) as url:
        asyncio.run(with_core(work, url, var))
