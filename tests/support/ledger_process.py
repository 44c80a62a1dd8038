"""A process that books in a client's ledger, for tests in which several compete or die.

`hot URL ROUNDS PROCESS` sends rounds of transfers over few accounts, under ids that every process
sends too, and prints what each was answered. `resubmits URL FILE PROCESS` books batch after batch
until it is told to end, notes in FILE how many were acknowledged, and begins after those.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from hazina.bootstrap.ledgers import open_ledgers
from hazina.db.unit import Overloaded
from hazina.ledger.client import AMOUNT_MAX, TransferEvent
from hazina.ledger.service import Ledgers
from hazina.ledger.types import Result

SPACE = "a"
PENDING, POST, VOID = 2, 4, 8
OWN = 10**9
"""Ids from here on belong to one process; those below are sent by all."""
BATCH = 20
_CALLERS = 8
_EXPIRY_PAUSE_SECONDS = 0.05

Sent = tuple[TransferEvent, str]
"""A transfer and what was answered to it."""


def _move(number: int, debit: int, credit: int, amount: int, **values: int) -> TransferEvent:
    return TransferEvent(number, debit, credit, amount, ledger=1, code=1, **values)


def hot_round(round_: int, process: int) -> list[TransferEvent]:
    """Return one round: account 5 may not be overdrawn, and 6 may not be overpaid.

    What is pending runs out after a second, while every process tries to post and to void it.
    """
    shared, own = round_ * 10, OWN * (process + 1) + round_ * 10
    held = {"pending_id": shared - 10 + 4}
    return [
        _move(shared + 1, 1, 2, 1 + round_ % 5),
        _move(shared + 2, 1 + process % 3, 4, 1 + process),
        _move(shared + 3, 5, 1, 3),
        _move(shared + 5, *((5, 2) if process % 2 else (3, 4)), 2),
        _move(shared + 4, 2, 3, 4, flags=PENDING, timeout=1),
        TransferEvent(shared + 6, amount=AMOUNT_MAX, flags=POST, **held),
        TransferEvent(own + 1, amount=0, flags=VOID, **held),
        _move(own + 2, 1, 5, 2),
        _move(own + 3, 3, 6, 3),
        _move(own + 4, 5, 3, 1, flags=PENDING, timeout=1),
        _move(own + 5, 6, 2, 2),
    ]


async def _hot(url: str, rounds: int, process: int) -> None:
    async with open_ledgers(url) as ledger:
        releasing = asyncio.create_task(_release(ledger.ledgers))
        callers = [
            _caller(ledger.ledgers, range(first, rounds + 1, _CALLERS), process)
            for first in range(1, _CALLERS + 1)
        ]
        answered = [pair for sent in await asyncio.gather(*callers) for pair in sent]
        releasing.cancel()
        await asyncio.wait([releasing])
    print(json.dumps([[event.id, process, status] for event, status in answered]))


async def _caller(ledgers: Ledgers, rounds: range, process: int) -> list[Sent]:
    answered: list[Sent] = []
    for round_ in rounds:
        events = hot_round(round_, process)
        if round_ % 2:
            results = await _patiently(ledgers, events)
        else:
            singly = [_patiently(ledgers, [event]) for event in events]
            results = [one for many in await asyncio.gather(*singly) for one in many]
        answered += zip(events, [result.status.value for result in results], strict=True)
    return answered


async def _release(ledgers: Ledgers) -> None:
    while True:
        await ledgers.expire_due(100)
        await asyncio.sleep(_EXPIRY_PAUSE_SECONDS)


async def _patiently(ledgers: Ledgers, events: list[TransferEvent]) -> list[Result]:
    """Send until the writer takes it, as a client does that is told to come back."""
    while True:
        try:
            return await ledgers.create_transfers(SPACE, events)
        except Overloaded:
            await asyncio.sleep(0.1)


def resubmitted_batch(number: int, process: int) -> list[TransferEvent]:
    """Return a batch: plain transfers, two that are pending, and the posts of those before."""
    first = OWN * (process + 1) + number * BATCH
    moves = [
        _move(first + place, 1 + place % 4, 5 + place % 2 * 2, 1) for place in range(BATCH - 4)
    ]
    holds = [_move(first + place, 1, 5, 10, flags=PENDING) for place in range(BATCH - 4, BATCH - 2)]
    if number == 0:
        return moves + holds
    posts = [
        _move(first + place, 1, 5, 3, flags=POST, pending_id=first + place - 2 - BATCH)
        for place in range(BATCH - 2, BATCH)
    ]
    return moves + holds + posts


async def _resubmits(url: str, file: Path, process: int) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    number = len(file.read_bytes()) if file.exists() else 0
    with file.open("ab", buffering=0) as acknowledged:
        async with open_ledgers(url) as ledger:
            while not ending.is_set():
                results = await _patiently(ledger.ledgers, resubmitted_batch(number, process))
                statuses = {result.status.value for result in results}
                assert statuses <= {"created", "exists"}, statuses
                acknowledged.write(b".")
                number += 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["hot", url, rounds, process]:
            asyncio.run(_hot(url, int(rounds), int(process)))
        case ["resubmits", url, file, process]:
            asyncio.run(_resubmits(url, Path(file), int(process)))
        case _:
            sys.exit(__doc__)
