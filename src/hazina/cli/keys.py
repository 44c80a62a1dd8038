"""`hazina keys` and `hazina merchants`: what an operator does for merchants, without the API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.cli.accounts import database
from hazina.cli.place import NotPossible, Secrets, secrets_of
from hazina.idempotency.service import Answer
from hazina.ids import SystemIds
from hazina.merchants.merchant import Caller, merchant_id_of
from hazina.merchants.scopes import LEVELS, RESOURCES
from hazina.paging import Page
from hazina.refusals import Refusal

keys = typer.Typer(help="Make, list, replace and end API keys.", no_args_is_help=True)
merchants = typer.Typer(help="Make merchants.", no_args_is_help=True)

Var = Annotated[Path, typer.Option(envvar="HAZINA_VAR", help="Folder that keeps all data.")]
Account = Annotated[str, typer.Option(help="For whom: acct_...; by default the first merchant.")]
Live = Annotated[bool, typer.Option("--live/--test", help="The mode.")]
Grace = Annotated[int, typer.Option(min=0, max=604_800, help="Seconds that the old key works on.")]
Work = Callable[[Core, Caller], Awaitable[None]]
VAR = Path("var")


@keys.command()
def create(
    kind: Annotated[str, typer.Option("--type", help="secret, publishable or restricted.")],
    name: Annotated[str | None, typer.Option(help="To tell keys apart.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="RESOURCE=read or RESOURCE=write, repeatable.")
    ] = None,
    account: Account = "",
    live: Live = False,
    var: Var = VAR,
) -> None:
    """Make a key and print it: the only time that it can be read."""
    if kind not in ("secret", "publishable", "restricted"):
        raise NotPossible("--type is one of secret, publishable, restricted.")
    params: dict[str, Any] = {"type": kind, "name": name}
    if scope:
        params["scopes"] = _scopes(scope)

    async def work(core: Core, caller: Caller) -> None:
        _show(await core.api_keys.create(caller, params, None))

    run(work, account, live, var)


@keys.command("list")
def list_all(account: Account = "", live: Live = False, var: Var = VAR) -> None:
    """Print the newest keys, revoked ones too."""

    async def work(core: Core, caller: Caller) -> None:
        found, more = await core.api_keys.list(caller, Page(limit=100))
        table = Table("id", "type", "last4", "status", "name", "scopes")
        for key in found:
            scopes = ", ".join(f"{name}={one}" for name, one in (key["scopes"] or {}).items())
            cells = (key["id"], key["type"], key["last4"], key["status"], key["name"] or "", scopes)
            table.add_row(*cells)
        Console(highlight=False).print(table)
        if more:
            print("There are older ones; the API lists them.")

    run(work, account, live, var)


@keys.command()
def roll(
    key_id: str, grace: Grace = 0, account: Account = "", live: Live = False, var: Var = VAR
) -> None:
    """Replace a key and print the new one."""

    async def work(core: Core, caller: Caller) -> None:
        _show(await core.api_keys.roll(caller, key_id, grace, None))

    run(work, account, live, var)


@keys.command()
def revoke(
    key_id: str, grace: Grace = 0, account: Account = "", live: Live = False, var: Var = VAR
) -> None:
    """End a key; every process notices within five seconds."""

    async def work(core: Core, caller: Caller) -> None:
        _show(await core.api_keys.revoke(caller, key_id, grace, None))

    run(work, account, live, var)


@merchants.command("create")
def create_merchant(
    name: Annotated[str, typer.Option(help="Of the business.")] = "Duka",
    country: Annotated[str, typer.Option(help="Two letters.")] = "KE",
    currency: Annotated[str, typer.Option(help="Three letters, lower case.")] = "kes",
    platform: Annotated[bool, typer.Option("--platform", help="It may have accounts.")] = False,
    account: Annotated[str, typer.Option(help="To open an account in its other mode.")] = "",
    live: Live = False,
    var: Var = VAR,
) -> None:
    """Make a merchant in one mode and print its account and its first secret key."""

    async def work(core: Core) -> None:
        merchant = await core.merchants.create(
            livemode=live, business_name=name, country=country, default_currency=currency,
            account_id=account or None, is_platform=platform,
        )  # fmt: skip
        print(f"account {merchant.account_id}")
        print(f"secret  {await core.merchants.issue_key(merchant)}")

    with database(var) as url:
        asyncio.run(with_core(work, url, var))


def run(work: Work, account: str, live: bool, var: Path) -> None:
    """Do something as a merchant does, with a core of our own. Raises `NotPossible`."""

    async def for_merchant(core: Core) -> None:
        account_id = account or _secrets(var, "--account").account_id
        row = await core.reader.get("merchant", (merchant_id_of(account_id, live),))
        if row is None:
            mode = "live" if live else "test"
            raise NotPossible(f"there is no merchant {account_id} in {mode} mode.")
        merchant = await core.merchants.get(row["merchant_id"])
        await work(core, Caller(merchant, False, ""))

    with database(var) as url:
        asyncio.run(with_core(for_merchant, url, var))


async def with_core(work: Callable[[Core], Awaitable[None]], url: str, var: Path) -> None:
    """Do something with an open core; a refusal is one clear line."""
    try:
        async with _opened(url, var) as core:
            await work(core)
    except Refusal as refusal:
        raise NotPossible(refusal.message) from None


@asynccontextmanager
async def _opened(url: str, var: Path) -> AsyncIterator[Core]:
    pepper = os.environ.get("HAZINA_PEPPER") or _secrets(var, "HAZINA_PEPPER").pepper
    core = await open_core(Settings(database_url=url, pepper=pepper))
    try:
        yield core
    finally:
        await core.close()


def _secrets(var: Path, instead: str) -> Secrets:
    if not (var / "secrets.env").exists():
        raise NotPossible(f"nothing was ever started on {var}: choose a folder, or give {instead}.")
    return secrets_of(var, SystemIds())


def _scopes(given: list[str]) -> dict[str, str]:
    scopes = {}
    for one in given:
        resource, _, level = one.partition("=")
        if resource not in RESOURCES or level not in LEVELS:
            raise NotPossible(
                f"--scope is RESOURCE=read or RESOURCE=write; resources: {', '.join(RESOURCES)}."
            )
        scopes[resource] = level
    return scopes


def _show(answer: Answer) -> None:
    show_refusal(answer)
    for name, value in orjson.loads(answer.body).items():
        if name not in ("object", "created") and value is not None:
            print(f"{name:<10} {value}")


def show_refusal(answer: Answer) -> None:
    """Raise `NotPossible` with the sentence of a refusal."""
    if answer.code is not None:
        raise NotPossible(orjson.loads(answer.body)["error"]["message"])
