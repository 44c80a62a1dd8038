"""`hazina doctor`: looks at a live system and says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import asdict
from typing import Any

import orjson
from rich.console import Console

from hazina.bootstrap.looking import open_to_look
from hazina.cli.place import NotPossible
from hazina.doctor import service as doctor
from hazina.doctor.service import Finding, Level

_RUNBOOKS = "docs/operating/doctor.md"
_API_SECONDS = 5
_CODES = {Level.FINE: 0, Level.BROKEN: 1, Level.LATE: 2}
_MARKS = {Level.FINE: "[green]✓[/]", Level.LATE: "[yellow]![/]", Level.BROKEN: "[red]✗[/]"}


def run(url: str, api: str | None, *, quick: bool, as_json: bool) -> int:
    """Examine, print, and return the exit code: 0 fine, 1 broken, 2 late."""
    health = None if api is None else _health(api)
    findings = asyncio.run(_examine(url, health, quick))
    level = doctor.worst(findings)
    if as_json:
        shown = {"level": level, "findings": [asdict(finding) for finding in findings]}
        print(orjson.dumps(shown).decode())
    else:
        _print(findings, level)
    return _CODES[level]


async def _examine(url: str, health: dict[str, Any] | None, quick: bool) -> list[Finding]:
    async with open_to_look(url, doctor.FILES) as reader:
        return await doctor.examine(reader.query, heavy=not quick, health=health)


def _health(api: str) -> dict[str, Any]:
    """Ask one API process how it is; one that is not ready says so too. Raises `NotPossible`."""
    address = f"{api.rstrip('/')}/health/ready"
    if not address.startswith(("http://", "https://")):
        raise NotPossible(f"{api} is not the address of an API, such as http://127.0.0.1:8420.")
    try:
        with urllib.request.urlopen(address, timeout=_API_SECONDS) as reply:
            content = reply.read()
    except urllib.error.HTTPError as refused:
        content = refused.read()
    except OSError as error:
        return {"ready": False, "checks": {"api": f"no answer: {error}"}}
    try:
        found: dict[str, Any] = json.loads(content)
    except ValueError:
        return {"ready": False, "checks": {"api": "its answer is not ours"}}
    return found


def _print(findings: list[Finding], level: Level) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        where = "" if finding.level is Level.FINE else f"  [dim]{_RUNBOOKS}#{finding.runbook}[/]"
        console.print(f"{_MARKS[finding.level]} {finding.name}: {finding.sentence}{where}")
    bad = sum(finding.level is not Level.FINE for finding in findings)
    said = {Level.FINE: "All is well.", Level.LATE: f"{bad} findings; no money is wrong.",
            Level.BROKEN: f"{bad} findings. Read the runbook before anything else."}  # fmt: skip
    console.print(f"[bold]{said[level]}[/]")
