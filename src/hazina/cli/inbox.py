"""`hazina inbox`: callbacks that were not applied, looked at and tried again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hazina.bootstrap.app import Core
from hazina.cli.accounts import database
from hazina.cli.keys import show_refusal, with_core

app = typer.Typer(help="Look after callbacks that were not applied.", no_args_is_help=True)

Var = Annotated[Path, typer.Option(envvar="HAZINA_VAR", help="Folder that keeps all data.")]
_VAR = Path("var")
_NAMES = ("id", "connector", "reference", "state", "tries", "reason")


@app.command("list")
def list_all(
    state: Annotated[
        str, typer.Option(help="parked, quarantined or received; more than one with commas.")
    ] = "parked,quarantined",
    var: Var = _VAR,
) -> None:
    """Print the oldest callbacks that are held back, with the reason."""

    async def work(core: Core) -> None:
        found = await core.held_callbacks.inbox(state.split(","), 100)
        table = Table(*_NAMES)
        for one in found["data"]:
            table.add_row(*(str(one[name]) for name in _NAMES))
        Console(highlight=False).print(table)
        print(", ".join(f"{name} {count}" for name, count in found["counts"].items()))

    with database(var) as url:
        asyncio.run(with_core(work, url, var))


@app.command()
def replay(
    callback: Annotated[
        str | None, typer.Argument(help="cb_...; by default the oldest hundred.")
    ] = None,
    var: Var = _VAR,
) -> None:
    """Give quarantined callbacks their tries anew; a worker applies them at once."""

    async def work(core: Core) -> None:
        answer = await core.held_callbacks.try_again(callback)
        show_refusal(answer)
        print(f"{len(orjson.loads(answer.body)['data'])} to be tried again")

    with database(var) as url:
        asyncio.run(with_core(work, url, var))
