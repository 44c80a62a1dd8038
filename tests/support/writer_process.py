"""A process with a store of its own, for tests in which writers compete, stop or die.

`claims URL SECONDS SEED` claims overlapping keys and prints the names it got;
`stops URL` stops itself in the middle of a batch, with its rows locked.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from random import Random

from hazina.clock import SystemClock
from hazina.db.postgres import PostgresStore
from hazina.db.table import Key, Row
from hazina.db.unit import Claim, Committed, RowVersion, Unit, Update
from tests.support.toy import SCHEMA, ToyEngine, ToyJudge, ToyNeeds


def _unit(random: Random, round_number: int) -> Unit:
    names = random.sample(range(60), 6)
    return Unit(
        "m",
        claims=tuple(
            Claim("toy_claim", {"merchant_id": "m", "name": f"{round_number:06}-{name:02}"})
            for name in names
        ),
    )


async def _claims(url: str, seconds: int, seed: int) -> None:
    random, clock = Random(seed), SystemClock()
    store = PostgresStore(url, SCHEMA, ToyEngine())
    await store.open()
    got: list[str] = []
    end_ms = clock.monotonic_ms() + seconds * 1000
    while clock.monotonic_ms() < end_ms:
        # Both processes meet in the same round: its number is the time.
        round_number = clock.monotonic_ms() // 25
        units = [_unit(random, round_number) for _ in range(12)]
        for unit, verdict in zip(units, await store.execute(units), strict=True):
            if isinstance(verdict, Committed):
                got += [claim.row["name"] for claim in unit.claims]
    await store.close()
    print(json.dumps(got))


class _StoppingEngine(ToyEngine):
    """Stops the process when a batch holds its locks."""

    def needs(self, units: Sequence[Unit]) -> ToyNeeds:
        return super().needs(units)

    def open(self, rows: dict[tuple[str, Key], Row], *, slot: int, sequence: int) -> ToyJudge:
        print("locked", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        return super().open(rows, slot=slot, sequence=sequence)


async def _stops(url: str) -> None:
    store = PostgresStore(url, SCHEMA, _StoppingEngine())
    await store.open()
    unit = Unit(
        "m",
        relies_on=(RowVersion("toy_object", ("m", "a"), 1),),
        writes=(Update("toy_object", ("m", "a"), 1, {"state": "stopped"}),),
    )
    (verdict,) = await store.execute([unit])
    print(type(verdict).__name__, flush=True)
    await store.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["claims", url, seconds, seed]:
            asyncio.run(_claims(url, int(seconds), int(seed)))
        case ["stops", url]:
            asyncio.run(_stops(url))
        case _:
            sys.exit(__doc__)
