"""Measures webhooks: `python -m benchmarks.webhooks [drain|latency|isolation|bad] [--events N]`.

One worker process, as `hazina worker` starts it, over a PostgreSQL of its own; events of 1.5 KB are
recorded by this process, receivers listen in a third. Every attempt is written down durably.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import uvloop

from benchmarks.stage import cpu_ms, family, own_folder
from hazina.bootstrap.app import Core, open_core
from hazina.bootstrap.settings import Settings
from hazina.cli.children import Child
from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.db.unit import Unit
from hazina.events.service import record
from hazina.merchants.merchant import Caller, Merchant

_PEPPER = "p" * 32
_PADDING = 1_150  # With the rest of an event it makes 1.5 KB.
_NEAR = "127.0.0.0/8"


@dataclass(slots=True)
class Receivers:
    """The process that receives."""

    process: subprocess.Popen[str]
    ports: list[int]

    @classmethod
    def start(
        cls, count: int, hang: Sequence[int] = (), says: Mapping[int, int] | None = None
    ) -> Receivers:
        """Start it with so many ports, some of which never answer, or with another status."""
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.webhook_receiver"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        made = cls(process, [])
        made.ports = made._ask({"listen": count, "hang": list(hang), "says": says or {}})
        return made

    def take(self) -> list[tuple[int, str, int]]:
        """Return what arrived since this was last asked."""
        return [(place, event, moment) for place, event, moment in self._ask({"take": True})]

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def _ask(self, order: object) -> list:  # type: ignore[type-arg]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: list = json.loads(self.process.stdout.readline())  # type: ignore[type-arg]
        return answer


@dataclass(slots=True)
class Stage:
    """A database with merchants, each with one endpoint, and where the worker is started."""

    core: Core
    url: str
    var: Path
    postmaster: int
    merchants: list[Merchant]
    recorded: dict[str, int]

    async def record(self, merchant: Merchant, count: int) -> None:
        """Record events in one unit and note when it was durable."""
        now = self.core.clock.now()
        ids = [self.core.ids.new("evt") for _ in range(count)]
        view = {"id": "ch_1", "object": "charge", "description": "x" * _PADDING}
        writes = tuple(
            record(
                merchant_id=merchant.merchant_id, livemode=False, event_id=event_id,
                type="charge.succeeded", object_view=view, object_id="ch_1", sequence=1,
                created=now,
            )
            for event_id in ids
        )  # fmt: skip
        await self.core.writer.submit(Unit(merchant.merchant_id, writes=writes))
        moment = time.monotonic_ns()
        self.recorded.update(dict.fromkeys(ids, moment))

    def worker(self) -> Child:
        """Start a worker."""
        environment = {
            "HAZINA_DATABASE_URL": self.url, "HAZINA_PEPPER": _PEPPER,
            "HAZINA_WEBHOOK_ALLOWED_NETWORKS": _NEAR, "HAZINA_CALLBACK_SECRET": "c" * 32,
        }  # fmt: skip
        profile = os.environ.get("HAZINA_PROFILE")
        arguments = ["-m", "hazina", "worker"]
        if profile:
            arguments = ["-m", "cProfile", "-o", profile, *arguments]
        return Child("worker", arguments, environment, self.var / "worker.log")

    def unsettled(self) -> int:
        """Return how many deliveries are not delivered yet."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM event) - count(*) FROM webhook_delivery"
                " WHERE state = 'delivered'"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def attempts(self) -> int:
        """Return how many attempts are written down."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT count(*) FROM webhook_attempt").fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def _stage(ports: Sequence[int]) -> AsyncIterator[Stage]:
    with own_folder() as var:
        server = embedded.ensure(var / "postgres")
        migrate(server.url)
        core = await open_core(
            Settings(database_url=server.url, pepper=_PEPPER, callback_secret="c" * 32,
                     webhook_allowed_networks=_NEAR)
        )  # fmt: skip
        merchants = []
        for port in ports:
            merchant = await core.merchants.create()
            params = {"url": f"http://127.0.0.1:{port}/hook", "enabled_events": ["*"]}
            await core.webhooks.create(Caller(merchant, False, ""), params, None)
            merchants.append(merchant)
        yield Stage(core, server.url, var, server.pid, merchants, {})
        await core.close()


async def drain(endpoints: int, events: int) -> None:
    """Measure how quickly a backlog is delivered and written down."""
    receivers = Receivers.start(endpoints)
    async with _stage(receivers.ports) as stage:
        each = events // endpoints
        for merchant in stage.merchants:
            for first in range(0, each, 500):
                await stage.record(merchant, min(500, each - first))
        worker = stage.worker()
        before = (0.0, 0.0)
        arrived: list[tuple[int, str, int]] = []
        while len({event for _, event, _ in arrived}) < events:
            await asyncio.sleep(0.25)
            worker.require_alive()
            if not arrived:
                before = _cpu(stage, worker)  # Without what it takes to start.
            arrived += receivers.take()
        while stage.unsettled():
            await asyncio.sleep(0.05)
        settled = time.monotonic_ns()
        cpu = _cpu(stage, worker)
        first_ns = min(moment for _, _, moment in arrived)
        last_ns = max(moment for _, _, moment in arrived)
        seconds = (settled - first_ns) / 1e9
        print(
            f"drain, {endpoints:2} endpoints: {events:,} events, {events / seconds:,.0f}/s until"
            f" all attempts are durable ({events / ((last_ns - first_ns) / 1e9):,.0f}/s until the"
            f" last arrival); {len(arrived) - events} came twice; {stage.attempts():,} attempts;"
            f" CPU per delivery: worker {(cpu[0] - before[0]) / events:.3f} ms, PostgreSQL"
            f" {(cpu[1] - before[1]) / events:.3f} ms",
            flush=True,
        )
        await asyncio.to_thread(worker.stop, 20)
    receivers.stop()


async def latency(rate: int, seconds: int) -> None:
    """Measure from the commit of an event to its arrival, at a steady rate."""
    receivers = Receivers.start(1)
    async with _stage(receivers.ports) as stage:
        worker = stage.worker()
        await _warm(stage, receivers)
        await _steadily(stage, stage.merchants, rate, seconds)
        await asyncio.sleep(2)
        _show("latency", stage, receivers.take(), rate * seconds, f"{rate}/s")
        await asyncio.to_thread(worker.stop, 20)
    receivers.stop()


async def isolation(seconds: int) -> None:
    """Measure the healthy ones while a burst hangs at one endpoint."""
    healthy = 17
    receivers = Receivers.start(healthy + 1, hang=[healthy])
    async with _stage(receivers.ports) as stage:
        worker = stage.worker()
        await _warm(stage, receivers)
        for _ in range(3):
            await stage.record(stage.merchants[-1], 500)
        stage.recorded.clear()
        await _steadily(stage, stage.merchants[:healthy], 50, seconds)
        await asyncio.sleep(3)
        arrived = [one for one in receivers.take() if one[0] < healthy]
        _show("isolation", stage, arrived, 50 * seconds, "17 healthy beside one that hangs")
        await asyncio.to_thread(worker.stop, 20)
    receivers.stop()


async def bad(seconds: int) -> None:
    """Measure 95 healthy endpoints of one merchant, alone and beside five bad ones, in turns.

    In each turn beside them the one that answers 410 is disabled, which is an event that all the
    others hear of. In less than 100 events it alone decides what the slowest hundredth is.
    """
    healthy = 95
    says = {healthy: 0, healthy + 1: 410, healthy + 2: 429, healthy + 3: 301}
    receivers = Receivers.start(healthy + len(says), says=says)
    async with _stage(receivers.ports[:1]) as stage:
        (merchant,) = stage.merchants
        caller, ids = Caller(merchant, False, ""), []
        for port in (*receivers.ports[1:], 1):
            params = {"url": f"http://127.0.0.1:{port}/hook", "enabled_events": ["*"]}
            answer = await stage.core.webhooks.create(caller, params, None)
            ids.append(json.loads(answer.body)["id"])
        worker = stage.worker()
        await stage.record(merchant, 1)
        warmed = 0
        while warmed < healthy:
            await asyncio.sleep(0.1)
            warmed += sum(place < healthy for place, _, _ in receivers.take())
        # The first turn is one without them: what is slow at the start must not speak for them.
        await _steadily(stage, [merchant], 4, 4)
        found: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(4):
            disturbed = turn % 2 == 1
            for endpoint in ids[healthy - 1 :]:
                await stage.core.webhooks.update(
                    caller, endpoint, {"disabled": not disturbed}, None
                )
            await asyncio.sleep(2)
            receivers.take()
            stage.recorded.clear()
            await _steadily(stage, [merchant], 4, seconds)
            await asyncio.sleep(2)
            # That one of them was disabled is an event as well, which is not counted.
            waits = sorted(
                (moment - stage.recorded[event]) / 1e6
                for place, event, moment in receivers.take()
                if place < healthy and event in stage.recorded
            )
            assert len(waits) == 4 * seconds * healthy, (turn, len(waits), "to healthy ones")
            print(f"  {'beside' if disturbed else 'alone'}: {_quantiles(waits)}", flush=True)
            found[disturbed] += waits
        alone, beside = (sorted(some)[len(some) * 99 // 100] for some in found.values())
        print(
            f"bad: p99 of 95 healthy endpoints {alone:.1f} ms alone, {beside:.1f} ms beside a dead,"
            f" a dripping, a 410, a 429 and a 301: ratio {beside / alone:.2f}",
            flush=True,
        )
        await asyncio.to_thread(worker.stop, 20)
    receivers.stop()


async def _warm(stage: Stage, receivers: Receivers) -> None:
    """Record events until the worker has started and delivers them as they come."""
    arrived = 0
    while arrived < 50:
        await stage.record(stage.merchants[0], 1)
        await asyncio.sleep(0.02)
        arrived += len(receivers.take())
    await asyncio.sleep(1)
    receivers.take()
    stage.recorded.clear()


async def _steadily(stage: Stage, merchants: Sequence[Merchant], rate: int, seconds: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        await stage.record(merchants[number % len(merchants)], 1)


def _show(
    name: str, stage: Stage, arrived: Sequence[tuple[int, str, int]], sent: int, what: str
) -> None:
    first: dict[str, int] = {}
    for _, event, moment in arrived:
        first.setdefault(event, moment)
    waits = sorted(
        (moment - stage.recorded[event]) / 1e6
        for event, moment in first.items()
        if event in stage.recorded
    )
    print(
        f"{name}, {what}: {len(waits)} of {sent} arrived; commit to arrival {_quantiles(waits)}",
        flush=True,
    )


def _quantiles(waits: Sequence[float]) -> str:
    """Describe sorted times in milliseconds."""
    return (
        f"p50 {waits[len(waits) // 2]:.1f} ms, p99 {waits[len(waits) * 99 // 100]:.1f} ms,"
        f" most {waits[-1]:.1f} ms"
    )


def _cpu(stage: Stage, worker: Child | None) -> tuple[float, float]:
    postgres = sum(cpu_ms(pid) for pid in family(stage.postmaster))
    return (0.0 if worker is None else cpu_ms(worker.pid), postgres)


def main() -> None:
    """Run what was asked for, or everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["drain", "latency", "isolation", "bad"])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=30)
    given = parser.parse_args()
    for what in given.what:
        match what:
            case "drain":
                uvloop.run(drain(1, given.events))
                uvloop.run(drain(20, given.events))
            case "latency":
                uvloop.run(latency(50, given.seconds))
            case "isolation":
                uvloop.run(isolation(given.seconds))
            case "bad":
                uvloop.run(bad(given.seconds))
            case _:
                parser.error(f"there is no {what}: drain, latency, isolation, bad")


if __name__ == "__main__":
    main()
