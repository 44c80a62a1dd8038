"""`hazina payments`: what an operator may read about one payment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from hazina.bootstrap.looking import open_to_look
from hazina.cli.accounts import database
from hazina.cli.place import NotPossible
from hazina.timeline.moment import NOT_KEPT, Timeline
from hazina.timeline.page import page
from hazina.timeline.service import FILES, as_json, find

app = typer.Typer(help="Look at one payment.", no_args_is_help=True)

Var = Annotated[Path, typer.Option(envvar="HAZINA_VAR", help="Folder that keeps all data.")]
_VAR = Path("var")


@app.callback()
def payments() -> None:
    """Look at one payment."""


@app.command()
def timeline(
    payment: Annotated[str, typer.Argument(help="pi_..., ch_..., re_... or seti_...")],
    merchant: Annotated[str | None, typer.Option(help="Whose it is; quicker if given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.")] = None,
    var: Var = _VAR,
) -> None:
    """Print everything that was stored about a payment, in order."""
    with database(var) as url:
        found = asyncio.run(_find(url, payment, merchant))
    if found is None:
        raise NotPossible(f"There is no payment {payment[:40]}.")
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
        print(html)
    elif json:
        print(orjson.dumps(as_json(found)).decode())
    else:
        _print(found)


async def _find(url: str, payment: str, merchant: str | None) -> Timeline | None:
    async with open_to_look(url, FILES) as reader:
        return await find(reader.query, payment, merchant)


def _print(found: Timeline) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{found.id}[/] {found.status}, {found.merchant_id}")
    for moment, shown in zip(found.moments, as_json(found)["moments"], strict=True):
        door = f" [dim]{moment.came}[/]" if moment.door else ""
        console.print(f"{shown['at']}  {shown['kind']:<9} {escape(moment.text)}{door}")
        known = {k: v for k, v in shown["details"].items() if v not in (None, {}, "")}
        if known:
            words = ", ".join(f"{name} {value}" for name, value in known.items())
            console.print(f"{'':26}[dim]{escape(words)}[/]")
    console.print(f"[dim]{NOT_KEPT}[/]")
