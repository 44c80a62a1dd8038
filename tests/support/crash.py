"""Runs operations in processes that are killed at an effect boundary."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkProcess
from typing import Any

import orjson
import structlog

from hazina import crashpoints
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.db.unit import Overloaded
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.refusals import Code, Refusal
from hazina.refusals_view import envelope
from tests.support.simulator import CALLBACK_SECRET

_FORK = multiprocessing.get_context("fork")
SIMULATED = {"confirm": "authorize", "create": "authorize", "capture": "capture",
             "cancel": "void", "refund": "refund", "increment": "increment",
             "finish": "capture", "part": "capture", "release_rest": "void",
             "cancel_rest": "void"}  # fmt: skip
_IN_PARTS = ("finish", "part", "release_rest", "cancel_rest")
_PART = {"amount_to_capture": 2_000, "final_capture": False}
_SAID_MAX = 16_000
"""So many characters of what a process failed with are kept: a pipe takes them unread."""
SLOW_MS = 2_600
"""When a slow provider has its effect: after every client has given up."""


def settings(database_url: str, simulator_url: str, *, patient: bool = False) -> Settings:
    """Return settings whose leases run out within a test's patience.

    The patient ones wait so long for a provider that a busy machine does not look like one that
    does not answer.
    """
    times = (
        {"deadline_ms": 2_000, "call_timeout_ms": 1_900, "command_lease_ms": 4_000,
         "key_lease_ms": 4_000, "inquiry_lease_ms": 3_000, "transit_max_ms": 1_400}
        if patient
        else {"deadline_ms": 350, "call_timeout_ms": 300, "command_lease_ms": 2_400,
              "key_lease_ms": 2_400, "inquiry_lease_ms": 1_400,
              # A slow provider has its effect so long after we gave up.
              "transit_max_ms": SLOW_MS - 300}
    )  # fmt: skip
    return Settings(
        database_url=database_url, simulator_url=simulator_url, pepper="p" * 32,
        callback_secret=CALLBACK_SECRET, not_found_window_ms=4_500, inquiry_schedule_ms=(200,),
        reader_connections=1, authorization_owed_ms=86_400_000, **times,
    )  # fmt: skip


def arm(point: str) -> None:
    """Have this process killed at a boundary from now on."""
    os.environ[crashpoints.VARIABLE] = point
    crashpoints.arm()


class Forked(ForkProcess):
    """A process that opens a core and does the work; join it and read its exit code.

    It ends with whoever started it, and keeps what it failed with.
    """

    def __init__(self, chosen: Settings, work: Callable[[Core], Awaitable[None]]) -> None:
        super().__init__(daemon=True)
        self._does = (chosen, work)
        self._read, self._write = _FORK.Pipe(duplex=False)
        self._said = ""

    def run(self) -> None:
        """Do the work, in the process."""
        try:
            _run(*self._does)
        except BaseException:
            self._write.send(traceback.format_exc()[-_SAID_MAX:])
            raise

    @property
    def said(self) -> str:
        """What it failed with, empty where it did not fail or was killed."""
        if self._read.poll():
            self._said = str(self._read.recv())
        return self._said


def start(chosen: Settings, work: Callable[[Core], Awaitable[None]]) -> Forked:
    """Start a process that opens a core and does the work."""
    process = Forked(chosen, work)
    process.start()
    return process


@contextmanager
def ending(processes: Iterable[Forked]) -> Iterator[None]:
    """Leave none of the processes behind that there are when this is over."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def _run(chosen: Settings, work: Callable[[Core], Awaitable[None]]) -> None:
    failures: list[structlog.typing.EventDict] = []

    def kept(_: object, level: str, event: structlog.typing.EventDict) -> str:
        if level == "error":
            failures.append(event)
        return f"{level}: {event}"

    async def main() -> None:
        core = await open_core(chosen)
        await work(core)
        await core.close()

    structlog.configure(processors=[kept], cache_logger_on_first_use=False)
    asyncio.run(main())
    # What fails in the background (a late reply, say) reaches no caller; it must not be missed.
    assert failures == [], failures


async def read(asked: Awaitable[Answer]) -> Answer:
    """Return what the client reads, whether the core answered or refused."""
    try:
        return await asked
    except Refusal as refusal:
        return Answer(refusal.code.value, orjson.dumps(envelope(refusal, "/docs")))
    except Overloaded:
        return Answer(Code.OVERLOADED.value, b"")


async def prepare(core: Core, caller: Caller, operation: str, fault: str, cell: str = "") -> str:
    """Bring an intent to where the operation is next; return its id, empty for a creation."""
    return await prepare_with(core, caller, operation, _metadata(operation, fault, cell))


async def prepare_with(
    core: Core, caller: Caller, operation: str, metadata: dict[str, str], **more: Any
) -> str:
    """Do as `prepare` does; the intent carries the metadata from then on."""
    if operation == "create":
        return ""
    params: dict[str, Any] = _params(operation) | more
    if operation == "confirm":
        params.pop("confirm")
    answer = await core.payments.create_intent(caller, params, None)
    assert answer.code is None, answer.body
    intent = _id(answer)
    if operation in ("finish", "release_rest", "cancel_rest"):
        answer = await core.payments.capture_intent(caller, intent, _PART, None)
        assert answer.code is None, answer.body
    # Only now: what is asked of the provider must not strike the authorization before.
    answer = await core.payments.update_intent(caller, intent, {"metadata": metadata}, None)
    assert answer.code is None, answer.body
    return intent


async def perform(
    core: Core, caller: Caller, operation: str, fault: str, intent: str, key: str
) -> Answer:
    """Do the operation under an idempotency key.

    `fault` is a word that strikes the operation, or `fault@operation,...` as the provider reads it.
    """
    request = IdempotencyRequest(caller.merchant.merchant_id, operation, key, b"d")
    metadata = _metadata(operation, fault, key)
    return await perform_with(core, caller, operation, intent, metadata, request)


async def perform_with(
    core: Core, caller: Caller, operation: str, intent: str, metadata: dict[str, str],
    request: IdempotencyRequest,
) -> Answer:  # fmt: skip
    """Do the operation; only a creation takes its metadata along."""
    match operation:
        case "create":
            params = _params(operation) | {"metadata": metadata}
            return await core.payments.create_intent(caller, params, request)
        case "confirm":
            return await core.payments.confirm_intent(caller, intent, {}, request)
        case "increment":
            raised = {"amount": 6_000}
            return await core.payments.increment_intent(caller, intent, raised, request)
        case "capture" | "finish":
            return await core.payments.capture_intent(caller, intent, {}, request)
        case "part":
            return await core.payments.capture_intent(caller, intent, _PART, request)
        case "release_rest":
            nothing_more = {"amount_to_capture": 0, "final_capture": True}
            return await core.payments.capture_intent(caller, intent, nothing_more, request)
        case "cancel" | "cancel_rest":
            return await core.payments.cancel_intent(caller, intent, {}, request)
        case _:
            return await core.payments.create_refund(caller, {"payment_intent": intent}, request)


def shown(body: dict[str, Any]) -> Answer:
    """Return an object that was read as if it had been answered."""
    return Answer(None, orjson.dumps(body))


def _params(operation: str) -> dict[str, Any]:
    manual = operation in ("capture", "cancel", "increment", *_IN_PARTS)
    wanted = {one: {"request_multicapture": "if_available"} for one in _IN_PARTS}
    wanted["increment"] = {"request_incremental_authorization": "if_available"}
    options = {"card": wanted[operation]} if operation in wanted else None
    return {
        "amount": 5_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
        "capture_method": "manual" if manual else "automatic",
        "payment_method_options": options,
    }  # fmt: skip


def _metadata(operation: str, fault: str, cell: str) -> dict[str, str]:
    metadata = {"cell": cell} if cell else {}
    if fault != "ok":
        faults = fault if "@" in fault else f"{fault}@{SIMULATED[operation]}"
        metadata["sandbox_fault"] = faults
    if "slow" in fault:
        metadata["sandbox_delay_ms"] = str(SLOW_MS)
    return metadata


def _id(answer: Answer) -> str:
    return str(orjson.loads(answer.body)["id"])
