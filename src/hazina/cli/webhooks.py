"""`hazina webhooks`: endpoints, what was delivered to them, and sending again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hazina.bootstrap.app import Core
from hazina.cli.keys import VAR, Account, Live, Var, run
from hazina.cli.place import NotPossible
from hazina.idempotency.service import Answer
from hazina.merchants.merchant import Caller
from hazina.paging import Page

webhooks = typer.Typer(
    help="Webhook endpoints: list, test, pause, replay, rotate secrets.", no_args_is_help=True
)

Endpoint = Annotated[str, typer.Argument(help="we_...")]
_PAGE = Page(limit=100)


@webhooks.command("list")
def list_all(account: Account = "", live: Live = False, var: Var = VAR) -> None:
    """Print endpoints with what is waiting for each."""

    async def work(core: Core, caller: Caller) -> None:
        found, _ = await core.webhooks.list(caller, _PAGE)
        table = Table("id", "url", "events", "status", "pending", "delivered", "failed")
        for one in found:
            counts = await core.webhook_records.counts(caller, one["id"])
            more = one.get("hazina", {})
            status = "paused" if more.get("paused") else one["status"]
            if "failing_since" in more:
                status += f", failing since {_moment(more['failing_since'])}"
            states = [str(counts.get(state, 0)) for state in ("pending", "delivered", "failed")]
            table.add_row(one["id"], one["url"], ", ".join(one["enabled_events"]), status, *states)
        Console(highlight=False).print(table)

    run(work, account, live, var)


@webhooks.command()
def deliveries(
    endpoint: Endpoint,
    status: Annotated[str | None, typer.Option(help="pending, delivered or failed.")] = None,
    account: Account = "",
    live: Live = False,
    var: Var = VAR,
) -> None:
    """Print the newest deliveries of an endpoint."""

    async def work(core: Core, caller: Caller) -> None:
        found, _ = await core.webhook_records.deliveries(
            caller, endpoint, {"status": status}, _PAGE
        )
        table = Table("event", "status", "attempts", "last answer", "next attempt")
        for one in found:
            next_at = one["next_attempt_at"]
            table.add_row(
                one["event"], one["status"], str(one["attempts"]), one["last_answer"] or "",
                "" if next_at is None else _moment(next_at),
            )  # fmt: skip
        Console(highlight=False).print(table)

    run(work, account, live, var)


@webhooks.command()
def attempts(
    endpoint: Endpoint,
    event: Annotated[str | None, typer.Option(help="evt_..., for those of one event.")] = None,
    account: Account = "",
    live: Live = False,
    var: Var = VAR,
) -> None:
    """Print the newest attempts of an endpoint and what was answered."""

    async def work(core: Core, caller: Caller) -> None:
        found, _ = await core.webhook_records.attempts(caller, endpoint, {"event": event}, _PAGE)
        table = Table("at", "event", "no.", "answer", "ms", "said")
        for one in found:
            outcome = one["response_status"] or one["problem"]
            table.add_row(
                _moment(one["created"]), one["event"], str(one["number"]), str(outcome),
                str(one["latency_ms"]), (one["answer"] or "")[:80],
            )  # fmt: skip
        Console(highlight=False).print(table)

    run(work, account, live, var)


@webhooks.command()
def pause(endpoint: Endpoint, account: Account = "", live: Live = False, var: Var = VAR) -> None:
    """Hold deliveries back; they are kept."""
    _change(lambda core, caller: core.webhooks.pause(caller, endpoint, True, None),
            account, live, var)  # fmt: skip


@webhooks.command()
def resume(endpoint: Endpoint, account: Account = "", live: Live = False, var: Var = VAR) -> None:
    """Let deliveries go again."""
    _change(lambda core, caller: core.webhooks.pause(caller, endpoint, False, None),
            account, live, var)  # fmt: skip


@webhooks.command()
def enable(endpoint: Endpoint, account: Account = "", live: Live = False, var: Var = VAR) -> None:
    """Enable an endpoint that was disabled; what waited is sent."""
    _change(lambda core, caller: core.webhooks.update(caller, endpoint, {"disabled": False}, None),
            account, live, var)  # fmt: skip


@webhooks.command()
def disable(endpoint: Endpoint, account: Account = "", live: Live = False, var: Var = VAR) -> None:
    """Disable an endpoint; what happens meanwhile is not kept for it."""
    _change(lambda core, caller: core.webhooks.update(caller, endpoint, {"disabled": True}, None),
            account, live, var)  # fmt: skip


@webhooks.command()
def rotate(
    endpoint: Endpoint,
    overlap: Annotated[
        int, typer.Option(min=0, max=604_800, help="Seconds that the old secret signs too.")
    ] = 86_400,
    account: Account = "",
    live: Live = False,
    var: Var = VAR,
) -> None:
    """Give an endpoint another secret and print it."""
    _change(lambda core, caller: core.webhooks.rotate(caller, endpoint, overlap, None),
            account, live, var)  # fmt: skip


@webhooks.command("test")
def send_test(
    endpoint: Endpoint, account: Account = "", live: Live = False, var: Var = VAR
) -> None:
    """Send an event that tests an endpoint; `attempts` then shows the answer."""
    _change(lambda core, caller: core.webhook_replays.test(caller, endpoint, None),
            account, live, var)  # fmt: skip


@webhooks.command()
def replay(
    endpoint: Endpoint,
    event: Annotated[str | None, typer.Option(help="One event, evt_...")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All deliveries that failed.")] = False,
    since: Annotated[
        datetime | None, typer.Option(help="From this moment (UTC), as 2026-01-31T08:00:00.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Up to this moment (UTC).")] = None,
    account: Account = "",
    live: Live = False,
    var: Var = VAR,
) -> None:
    """Send one event again, those of a time, or all that failed; a worker carries it out."""
    created = {}
    if since is not None:
        created["gte"] = int(since.replace(tzinfo=UTC).timestamp())
    if until is not None:
        created["lt"] = int(until.replace(tzinfo=UTC).timestamp())
    params: dict[str, Any] = {"what": "failed" if failed else "all", "created": created}
    if event is not None:
        chosen = event
        _change(lambda core, caller: core.webhook_replays.one(caller, endpoint, chosen, None),
                account, live, var)  # fmt: skip
        return
    _change(lambda core, caller: core.webhook_replays.many(caller, endpoint, params, None),
            account, live, var)  # fmt: skip


def _change(make: Any, account: str, live: bool, var: Any) -> None:
    """Carry out one request and print the object that it answers."""

    async def work(core: Core, caller: Caller) -> None:
        answer: Answer = await make(core, caller)
        body = orjson.loads(answer.body)
        if answer.code is not None:
            raise NotPossible(body["error"]["message"])
        for name, value in body.items():
            if name not in ("object", "metadata") and value is not None:
                print(f"{name:<16} {value}")

    run(work, account, live, var)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
