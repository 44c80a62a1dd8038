"""The commands of `hazina`, each a few lines: what they do stands in the files beside."""

from __future__ import annotations

import asyncio
import signal
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hazina.cli import (
    accounts,
    doctor,
    events,
    inbox,
    keys,
    ledger,
    payments,
    processes,
    stay,
    streams,
    webhooks,
)
from hazina.cli.place import NotPossible, SystemOptions
from hazina.db.embedded_place import EmbeddedError
from hazina.db.migrate import SchemaError, migrate
from hazina.db.roles import RoleNames, grant_roles
from hazina.ledger.tables import APPEND_ONLY, NEVER_REMOVED

app = typer.Typer(
    name="hazina",
    help="Payments core: Stripe-shaped API, double-entry ledger in PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(ledger.app, name="ledger")
app.add_typer(keys.keys, name="keys")
app.add_typer(payments.app, name="payments")
app.add_typer(keys.merchants, name="merchants")
app.add_typer(events.app, name="events")
app.add_typer(inbox.app, name="inbox")
app.add_typer(streams.relay, name="relay")
app.add_typer(streams.consume, name="consume")
app.add_typer(webhooks.webhooks, name="webhooks")

Port = Annotated[int, typer.Option(envvar="PORT", help="Port of the API on 127.0.0.1.")]
Var = Annotated[Path, typer.Option(envvar="HAZINA_VAR", help="Folder that keeps all data.")]
_PORT = 8420
_VAR = Path("var")


@app.command()
def serve(port: Port = _PORT, var: Var = _VAR) -> None:
    """Start everything: database, test provider, API and workers. Ctrl-C ends it."""
    raise typer.Exit(asyncio.run(stay.serve(SystemOptions(port, var))))


@app.command()
def demo(
    port: Port = _PORT,
    var: Var = _VAR,
    stay_up: Annotated[bool, typer.Option("--stay/--no-stay", help="Stay until Ctrl-C.")] = True,
) -> None:
    """Start everything and play the story of a payment."""
    raise typer.Exit(asyncio.run(stay.demo(SystemOptions(port, var, quick=True), stay_up)))


@app.command()
def api(
    port: Port = _PORT,
    workers: Annotated[bool, typer.Option(help="Run the worker's loops in this process.")] = False,
) -> None:
    """Serve the API alone, over the database and provider that the environment names."""
    processes.run_api(port, with_workers=workers)


@app.command()
def worker(
    only: Annotated[
        list[str] | None, typer.Option(help="Run this loop and no others; repeatable.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Leave this loop out.")] = None,
    health_port: Annotated[
        int, typer.Option(help="Of /health and /metrics on 127.0.0.1; 0: any free one.")
    ] = 0,
) -> None:
    """Run the worker's loops: webhooks, inquiries, callbacks, funds that mature, the relay.

    Any number may run: they share the work without doubling it. SIGTERM ends it after its step.
    """
    processes.run_worker(only or (), without or (), health_port)


@app.command("migrate")
def migrate_command(var: Var = _VAR) -> None:
    """Bring the schema of the database up to this release."""
    with accounts.database(var) as url:
        for name in migrate(url):
            print(f"applied {name}")


@app.command("grant-roles")
def grant_roles_command(
    application: Annotated[
        str, typer.Option(help="The role of processes.")
    ] = RoleNames().application,
    reader: Annotated[str, typer.Option(help="The role of those who only read.")] = (
        RoleNames().reader
    ),
    var: Var = _VAR,
) -> None:
    """Make database roles for processes that own nothing; run it after each migration."""
    with accounts.database(var) as url:
        grant_roles(url, APPEND_ONLY, NEVER_REMOVED, RoleNames(application, reader))
    print(f"granted: {application}, {reader}")


@app.command("doctor")
def doctor_command(
    api: Annotated[
        str | None, typer.Option(help="Address of an API process, to ask for its providers too.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Leave out what reads all of history.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    var: Var = _VAR,
) -> None:
    """Look at a live system: invariants, stuck work, lags, breakers. Exit code 1 broken, 2 late."""
    with accounts.database(var) as url:
        raise typer.Exit(doctor.run(url, api, quick=quick, as_json=as_json))


@app.command()
def version() -> None:
    """Print the version."""
    print(installed_version("hazina"))


def main() -> None:
    """Run the command line; a problem that the operator can solve is one clear line."""
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell without job control starts what is in the background with this signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except (NotPossible, EmbeddedError, SchemaError) as problem:
        Console(stderr=True).print(f"[red]hazina:[/] {problem}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _interrupt(number: int, frame: object) -> None:
    """End on SIGTERM as on Ctrl-C, so that what was started is also stopped."""
    raise KeyboardInterrupt
