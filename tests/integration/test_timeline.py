"""What happened to a command is told exactly: each lease, call and outcome, and by which door."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from hazina.bootstrap.app import MIGRATIONS
from hazina.cli.place import free_port
from hazina.commands.command import Command
from hazina.commands.performing import Performed
from hazina.timeline.page import page
from hazina.timeline.service import as_json
from tests.support.callback_door import PATH, callback_door
from tests.support.flows import Shop, open_shop
from tests.support.simulator import Simulator
from tests.support.timelines import timeline_of

_TOLD = ("lease", "call", "callback", "outcome", "event")
_ASKED = "{0} leased anew to ask what became of it"
_NEVER_DUE = {"inquiry_schedule_ms": (60_000,)}
_FAILED = (
    "outcome: authorize came to unknown: HTTP 500: error that does not prove that nothing was done "
    "(internal_error) | reply"
)
_SOON = {
    "deadline_ms": 350, "call_timeout_ms": 300, "command_lease_ms": 2_400,
    "inquiry_lease_ms": 1_400, "not_found_window_ms": 3_000, "transit_max_ms": 300,
}  # fmt: skip
"""So short that what is over after a lease, or after the window, is over within a test."""


async def _moments(url: str, payment: str) -> list[str]:
    """Return each lease, call, callback, outcome and event, with its door; ids are left out."""
    found = await timeline_of(url, payment)
    shown = as_json(found)["moments"]
    assert page(found).count("<li ") == len(shown)
    lines = [
        f"{moment['kind']}: {moment['text']} | {moment['door']}"
        for moment in shown
        if moment["kind"] in _TOLD
    ]
    return [re.sub(r" (of |about )?\w+_[0-9a-zA-Z]{20,}( kept)?", "", line) for line in lines]


async def _doors(url: str, payment: str) -> dict[str, Any]:
    """Return the doors by which the payment's commands were settled, by operation."""
    shown = as_json(await timeline_of(url, payment))["moments"]
    commands = [m for m in shown if m["kind"] == "command"]
    return {moment["text"].split()[2]: moment["door"] for moment in commands}


async def _until_done(shop: Shop, work: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(20):
        while shop.rows("SELECT 1 FROM command WHERE state <> 'done'"):
            await work()
            await shop.core.clock.sleep_ms(50)


async def _until_applied(shop: Shop) -> None:
    async with asyncio.timeout(20):
        while shop.rows("SELECT 1 FROM inbox WHERE state <> 'applied'"):
            await shop.core.clock.sleep_ms(20)


def _succeeded(door: str) -> list[str]:
    return [f"event: charge.succeeded | {door}", f"event: payment_intent.succeeded | {door}"]


async def test_a_plain_payment_tells_that_its_reply_settled_it_and_writes_nothing_for_it(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            paid = await shop.pay()
            declined = await shop.pay("pm_card_chargeDeclined")
            assert {row["history"] for row in shop.rows("SELECT history FROM command")} == {None}

    told = await _moments(fresh_database_url, paid["id"])
    assert told == ["event: payment_intent.created | request", *_succeeded("request")]
    assert await _doors(fresh_database_url, paid["id"]) == {"authorize": "reply"}
    declined_id = declined["payment_intent"]["id"]
    assert await _doors(fresh_database_url, declined_id) == {"authorize": "reply"}


async def test_what_an_inquiry_settled_tells_the_reply_the_question_and_the_answer(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            paid = await shop.pay(metadata={"sandbox_fault": "error_after"})
            await shop.settle()

    assert await _moments(fresh_database_url, paid["id"]) == [
        "event: payment_intent.created | request",
        _FAILED,
        "event: payment_intent.processing | reply",
        f"call: {_ASKED.format('authorize')} | None",
        "outcome: authorize came to approved | inquiry",
        *_succeeded("inquiry"),
    ]
    assert await _doors(fresh_database_url, paid["id"]) == {"authorize": "inquiry"}


async def test_what_a_callback_settled_tells_so(fresh_database_url: str) -> None:
    port = free_port()
    with Simulator(callback_url=f"http://127.0.0.1:{port}{PATH}") as simulator:
        async with (
            open_shop(fresh_database_url, simulator, **_NEVER_DUE) as shop,
            callback_door(shop.core, port),
        ):
            # The message says that it was declined: it is a reason to ask, and the answer counts.
            faults = {"sandbox_fault": "error_after,contradictory_callback"}
            paid = await shop.pay(metadata=faults)
            await _until_done(shop, shop.core.callbacks.process_due)
            await _until_applied(shop)

    told = await _moments(fresh_database_url, paid["id"])
    # It may come in before the reply is applied; it is looked at only afterwards.
    kept = [line for line in told if line.startswith("callback: ")]
    assert kept == ["callback: callback of sandbox, now applied | callback"]
    assert [line for line in told if line not in kept] == [
        "event: payment_intent.created | request",
        _FAILED,
        "event: payment_intent.processing | reply",
        "outcome: authorize came to approved | callback",
        *_succeeded("callback"),
    ]
    assert await _doors(fresh_database_url, paid["id"]) == {"authorize": "callback"}


async def test_what_a_late_reply_settled_tells_the_deadline_before(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        durations = _NEVER_DUE | {"deadline_ms": 400}
        async with open_shop(fresh_database_url, simulator, **durations) as shop:
            paid = await shop.pay(metadata={"sandbox_fault": "slow"})
            assert paid["status"] == "processing"
            await _until_done(shop, lambda: asyncio.sleep(0))

    assert await _moments(fresh_database_url, paid["id"]) == [
        "event: payment_intent.created | request",
        "outcome: authorize came to unknown: no answer within the deadline | deadline",
        "event: payment_intent.processing | deadline",
        "outcome: authorize came to approved | late reply",
        *_succeeded("late reply"),
    ]
    assert await _doors(fresh_database_url, paid["id"]) == {"authorize": "late reply"}


class _Gone(Exception):
    """Ends an operation where its process would have died."""


async def test_a_lease_that_ran_out_is_told_when_it_is_taken_over(fresh_database_url: str) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, **_SOON) as shop:

            async def dies(command: Command, leased_ms: int) -> Performed:
                await shop.core.dispatch.run_now(command, leased_ms)
                raise _Gone

            shop.core.payments.connect(dies, {})
            try:
                await shop.pay()
            except _Gone:
                await shop.settle()
            (row,) = shop.rows("SELECT id FROM payment_intent")

    assert await _moments(fresh_database_url, row["id"]) == [
        "event: payment_intent.created | request",
        "lease: lease of authorize ran out; nobody knows whether it was sent | None",
        f"call: {_ASKED.format('authorize')} | None",
        "outcome: authorize came to approved | inquiry",
        *_succeeded("inquiry"),
    ]


async def test_what_is_sent_again_after_it_was_not_found_tells_both(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, **_SOON) as shop:
            held = await shop.pay(
                capture_method="manual", metadata={"sandbox_fault": "error_before@capture"}
            )
            await shop.capture(held)
            await shop.settle()

    told = await _moments(fresh_database_url, held["id"])
    start = told.index("event: payment_intent.processing | reply")
    early = "outcome: capture came to unknown: not found at the provider, too early to tell"
    asked = f"call: {_ASKED.format('capture')} | None"
    again = [one for one in told[start + 1 :] if one not in (asked, f"{early} | inquiry")]
    assert told[start - 1].startswith("outcome: capture came to unknown: HTTP 503")
    assert told[start + 1 : start + 3] == [asked, f"{early} | inquiry"]
    assert again == [
        "outcome: capture came to not_found: the provider does not know the reference | inquiry",
        "call: capture leased anew to be sent again, under the same reference: it had not happened "
        "| None",
        "outcome: capture came to approved | reply",
        "event: charge.captured | reply",
        "event: payment_intent.succeeded | reply",
    ]
    assert await _doors(fresh_database_url, held["id"]) == {
        "authorize": "reply",
        "capture": "reply",
    }


async def test_a_refund_that_failed_after_all_tells_by_which_door_that_came(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            await shop.pay()
            paid = await shop.pay("pm_card_refundFail")
            refund = await shop.refund(paid)
            async with asyncio.timeout(20):
                while (await shop.hear(refund))["status"] != "failed":
                    await asyncio.sleep(0.2)

    told = await _moments(fresh_database_url, paid["id"])
    assert "outcome: refund came to declined, after it was done | callback" in told
    assert "event: refund.failed | callback" in told
    doors = await _doors(fresh_database_url, paid["id"])
    assert doors == {"authorize": "reply", "refund": "reply"}


async def test_a_verification_that_a_client_gave_up_tells_so(fresh_database_url: str) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            setups = shop.core.setup_intents
            params = {"payment_method": "pm_card_threeDSecure2Required", "confirm": True}
            await setups.create(shop.caller, params, None)
            (row,) = shop.rows("SELECT id FROM setup_intent")
            await setups.cancel(shop.caller, row["id"], {}, None)

    assert await _moments(fresh_database_url, row["id"]) == [
        "event: setup_intent.created | request",
        "outcome: verify came to action_required | reply",
        "event: setup_intent.requires_action | reply",
        "outcome: verify is awaited no more: a client ended what it was for | request",
        "event: setup_intent.canceled | request",
    ]
    assert await _doors(fresh_database_url, row["id"]) == {"verify": "request"}


async def test_commands_of_an_earlier_release_say_that_no_door_was_recorded(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            before = await shop.pay()
        with psycopg.connect(fresh_database_url) as connection:
            connection.execute("ALTER TABLE command DROP COLUMN history")
            connection.execute((MIGRATIONS / "0110_pre_command_history.sql").read_bytes())
        async with open_shop(fresh_database_url, simulator) as shop:
            after = await shop.pay()
            during = await shop.pay()
            # A process of the earlier release asked, while both ran.
            change = "UPDATE command SET inquiries = 2 WHERE payment_intent = %s RETURNING 1"
            shop.rows(change, during["id"])

    url = fresh_database_url
    assert await _doors(url, before["id"]) == {"authorize": "not recorded"}
    assert await _doors(url, during["id"]) == {"authorize": "not recorded"}
    assert await _doors(url, after["id"]) == {"authorize": "reply"}


async def test_what_a_process_of_an_earlier_release_settled_beside_ours_names_no_door(
    fresh_database_url: str,
) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator, **_NEVER_DUE) as shop:
            unknown = {"sandbox_fault": "error_after"}
            theirs, ours = [await shop.pay(metadata=unknown) for _ in range(2)]
            # They asked, and settled it, and told nothing; or asked, and ours settled it.
            shop.rows(
                "UPDATE command SET inquiries = 1, state = 'done', next_at = NULL"
                " WHERE payment_intent = %s RETURNING 1",
                theirs["id"],
            )
            shop.rows(
                "UPDATE command SET inquiries = 1, next_at = now(), version = version + 1"
                " WHERE payment_intent = %s RETURNING 1",
                ours["id"],
            )
            await shop.settle()

    url = fresh_database_url
    assert await _doors(url, theirs["id"]) == {"authorize": "not recorded"}
    assert await _doors(url, ours["id"]) == {"authorize": "inquiry"}
