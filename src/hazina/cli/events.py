"""`hazina events`: follow events as they happen, and forward them to a system under development."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hazina.cli.place import NotPossible
from hazina.cli.tail import Forward, Tail
from hazina.clock import SystemClock
from hazina.ids import SystemIds

app = typer.Typer(help="Follow events.", no_args_is_help=True)

_VAR = Path("var")


@app.callback()
def events() -> None:
    """Follow events."""


@dataclass(frozen=True, slots=True)
class _Api:
    url: str
    key: str


@app.command()
def tail(
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type; repeatable.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on, or end when all was shown.")
    ] = True,
    after: Annotated[str | None, typer.Option(help="Begin behind this event, evt_...")] = None,
    forward_to: Annotated[
        str | None, typer.Option(help="Post each event to this URL, signed like a webhook.")
    ] = None,
    signing_secret: Annotated[
        str, typer.Option(envvar="HAZINA_SIGNING_SECRET", help="Of what is forwarded.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each event whole.")] = False,
    url: Annotated[str, typer.Option(envvar="HAZINA_URL", help="Of the API.")] = "",
    key: Annotated[
        str, typer.Option(envvar="HAZINA_SECRET_KEY", help="Secret, or with events=read.")
    ] = "",
    var: Annotated[
        Path, typer.Option(envvar="HAZINA_VAR", help="Folder of a running system.")
    ] = _VAR,
) -> None:
    """Print events as they happen, and forward them; what a broken connection missed follows."""
    api = _api(url, key, var)
    clock = SystemClock()
    forward = None
    if forward_to is not None:
        if not forward_to.startswith(("http://", "https://")):
            forward_to = f"http://{forward_to}"
        secret = signing_secret or f"whsec_{SystemIds().secret()}"
        forward = Forward(forward_to, secret, clock)
        print(f"Ready. The signing secret of this run is {secret}", flush=True)
    following = Tail(api.url, api.key, clock, types or [], as_json=as_json, forward=forward)
    asyncio.run(following.run(after, follow))


def _api(url: str, key: str, var: Path) -> _Api:
    """Return where the API is: as told, or as a running system of the folder wrote down."""
    written = {}
    if (var / "demo.env").exists() and not (url and key):
        lines = (var / "demo.env").read_text().splitlines()
        written = dict(line.split("=", 1) for line in lines if "=" in line)
    found = _Api(url or written.get("HAZINA_URL", ""), key or written.get("HAZINA_SECRET_KEY", ""))
    if not found.url or not found.key:
        raise NotPossible(
            f"no system runs on {os.fspath(var)}: give HAZINA_URL and HAZINA_SECRET_KEY."
        )
    return found
