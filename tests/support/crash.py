"""Runs operations in processes that are killed at an effect boundary."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from hazina import crashpoints
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.support.simulator import CALLBACK_SECRET

_FORK = multiprocessing.get_context("fork")
SIMULATED = {"confirm": "authorize", "create": "authorize", "capture": "capture",
             "cancel": "void", "refund": "refund"}  # fmt: skip


def settings(database_url: str, simulator_url: str) -> Settings:
    """Return settings whose leases run out within a test's patience."""
    return Settings(
        database_url=database_url, simulator_url=simulator_url, pepper="p" * 32,
        callback_secret=CALLBACK_SECRET, deadline_ms=350, call_timeout_ms=300,
        command_lease_ms=2_400, key_lease_ms=2_400, inquiry_lease_ms=1_400,
        not_found_window_ms=2_600, inquiry_schedule_ms=(200,), reader_connections=1,
    )  # fmt: skip


def arm(point: str) -> None:
    """Have this process killed at a boundary from now on."""
    os.environ[crashpoints.VARIABLE] = point
    crashpoints.arm()


def start(chosen: Settings, work: Callable[[Core], Awaitable[None]]) -> Any:
    """Start a process that opens a core and does the work; join it and read its exit code."""
    process = _FORK.Process(target=_run, args=(chosen, work))
    process.start()
    return process


def _run(chosen: Settings, work: Callable[[Core], Awaitable[None]]) -> None:
    async def main() -> None:
        core = await open_core(chosen)
        await work(core)
        await core.close()

    asyncio.run(main())


async def prepare(core: Core, caller: Caller, operation: str, fault: str) -> str:
    """Bring an intent to where the operation is next; return its id, empty for a creation."""
    if operation == "create":
        return ""
    params: dict[str, Any] = _params(operation, fault)
    if operation == "confirm":
        params.pop("confirm")
    answer = await core.payments.create_intent(caller, params, None)
    assert answer.code is None, answer.body
    return _id(answer)


async def perform(
    core: Core, caller: Caller, operation: str, fault: str, intent: str, key: str
) -> Answer:
    """Do the operation under an idempotency key."""
    request = IdempotencyRequest(caller.merchant.merchant_id, operation, key, b"d")
    match operation:
        case "create":
            return await core.payments.create_intent(caller, _params(operation, fault), request)
        case "confirm":
            return await core.payments.confirm_intent(caller, intent, {}, request)
        case "capture":
            return await core.payments.capture_intent(caller, intent, {}, request)
        case "cancel":
            return await core.payments.cancel_intent(caller, intent, {}, request)
        case _:
            return await core.payments.create_refund(caller, {"payment_intent": intent}, request)


def _params(operation: str, fault: str) -> dict[str, Any]:
    manual = operation in ("capture", "cancel")
    metadata = {} if fault == "ok" else {"sandbox_fault": f"{fault}@{SIMULATED[operation]}"}
    return {
        "amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
        "capture_method": "manual" if manual else "automatic", "metadata": metadata,
    }  # fmt: skip


def _id(answer: Answer) -> str:
    return str(orjson.loads(answer.body)["id"])
