"""Measures payments with webhooks and the relay beside them, and without: `python -m
benchmarks.beside`.

One system; the two take turns in one run. *off*: the merchants' endpoints are disabled and no relay
runs. *on*: each of a hundred merchants has an endpoint that is told, and a relay of its own process
carries every event to a real Kafka. Before each measurement both have caught up.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.payments import Machines, Sample, Subject, measure
from benchmarks.stage import cpu_ms, make_merchants, other_load, own_folder
from benchmarks.webhooks import Receivers
from hazina.cli.children import Child
from hazina.cli.place import SystemOptions, free_port
from hazina.cli.system import Running, System
from hazina.clock import SystemClock
from hazina.db import embedded
from hazina.ids import SystemIds
from tests.support.kafka_broker import INSTALLED, SKIP_REASON, own_broker

_MERCHANTS = 100
_WAITING = """
SELECT (SELECT count(*) FROM webhook_delivery WHERE state = 'pending')
    + (SELECT count(*) FROM event e, webhook_cursor c
       WHERE (e.xid, e.position) > (c.xid::text::xid8, c.position)) AS webhooks,
    (SELECT count(*) FROM event e, relay r
     WHERE (e.xid, e.position) > (r.xid::text::xid8, r.position)) AS relay
"""


class _Apart(System):
    """A system whose workers run in a process of their own, as in production."""

    def _start_api(self, environment: dict[str, str]) -> None:
        log = self._options.var / "log"
        api = ["-m", "hazina", "api", "--port", str(self._options.port)]
        self._children.append(Child("api", api, environment, log / "api.log"))
        worker = ["-m", "hazina", "worker"]
        self._children.append(Child("worker", worker, environment, log / "worker.log"))
        self.environment = environment
        self.api_pid, self.worker_pid = (child.pid for child in self._children[-2:])
        self.simulator_pid = self._children[0].pid


@dataclass(slots=True)
class Beside:
    """What can be switched on and off beside the payments."""

    running: Running
    environment: dict[str, str]
    brokers: str
    endpoints: dict[str, str]
    """The id of the endpoint by the merchant's key."""
    log: Path
    relay: Child | None = None

    def on(self) -> None:
        """Enable the endpoints and start the relay; return when both have caught up."""
        if self.relay is not None:
            self.catch_up()
            return
        self._switch("false")
        environment = self.environment | {"HAZINA_KAFKA_BROKERS": self.brokers}
        arguments = ["-m", "hazina", "worker", "--only", "relay"]
        self.relay = Child("relay", arguments, environment, self.log)
        self.catch_up()

    def off(self) -> None:
        """Let both finish, then disable the endpoints and stop the relay."""
        self.catch_up()
        self._switch("true")
        if self.relay is not None:
            self.relay.stop(20)
            self.relay = None

    def catch_up(self, seconds: float = 90.0) -> None:
        """Wait until nothing waits."""
        until = time.monotonic() + seconds
        while any(self.waiting()):
            if time.monotonic() > until:
                raise SystemExit(f"webhooks and relay do not catch up: {self.waiting()}")
            time.sleep(0.1)

    def waiting(self) -> tuple[int, int]:
        """Return how many webhooks and how many records wait."""
        with psycopg.connect(self.running.database_url) as connection:
            row = connection.execute(_WAITING).fetchone()
        assert row is not None
        return int(row[0]), int(row[1]) if self.relay is not None else 0

    def _switch(self, disabled: str) -> None:
        for key, endpoint in self.endpoints.items():
            post(self.running.url, key, f"webhook_endpoints/{endpoint}", disabled=disabled)


def post(base: str, key: str, path: str, /, **fields: str) -> str:
    """Send a form; return the body."""
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(f"{base}/v1/{path}", data, {"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        body: str = reply.read().decode()
    return body


def run(given: argparse.Namespace, var: Path, ending: ExitStack) -> None:
    """Start everything, measure in turns, print."""
    broker = ending.enter_context(own_broker(var))
    receivers = Receivers.start(_MERCHANTS)
    ending.callback(receivers.stop)
    system = _Apart(SystemOptions(free_port(), var), SystemClock(), SystemIds())
    ending.callback(system.stop)
    running = asyncio.run(system.start())
    keys = asyncio.run(make_merchants(running, _MERCHANTS))
    endpoints = {}
    for key, port in zip(keys, receivers.ports, strict=True):
        fields = {"url": f"http://127.0.0.1:{port}/hook", "enabled_events[]": given.type}
        body = post(running.url, key, "webhook_endpoints", **fields)
        endpoints[key] = body.partition('"id":"')[2].partition('"')[0]
    beside = Beside(
        running, system.environment, broker.address, endpoints, var / "log" / "relay.log"
    )
    ending.callback(lambda: beside.relay and beside.relay.stop(10))
    machines = Machines(embedded.ensure(var / "postgres").pid, system.simulator_pid)
    subject = Subject(
        "payments", int(running.url.rsplit(":", 1)[1]), system.api_pid, keys, machines
    )
    print(f"Other programs use {other_load():.2f} cores at rest. Endpoints hear {given.type}.")
    beside.on()
    measure(subject, 16, given.warm_up)
    rates: dict[str, list[float]] = {"off": [], "on": []}
    for number in range(given.runs):
        # Each round begins with the other one, so that a growing database meets both alike.
        for name in ("off", "on") if number % 2 else ("on", "off"):
            beside.off() if name == "off" else beside.on()
            worker_ms = cpu_ms(system.worker_pid)
            sample = measure(subject, given.clients, given.seconds)
            rates[name].append(sample.rate)
            worker_ms = cpu_ms(system.worker_pid) - worker_ms
            _show(number, name, sample, worker_ms, beside)
    off, on = (statistics.median(rates[name]) for name in ("off", "on"))
    print(f"medians: off {off:.0f}/s, on {on:.0f}/s; both cost {1 - on / off:.1%} of the payments")


def _show(number: int, name: str, sample: Sample, worker_ms: float, beside: Beside) -> None:
    webhooks, records = beside.waiting()
    print(
        f"  run {number + 1}, {name}: {sample.rate:.0f}/s, p50 {sample.load.p50_ms:.1f} ms, p99"
        f" {sample.load.p99_ms:.1f} ms; CPU per payment: API {sample.api_ms:.2f}, PostgreSQL"
        f" {sample.postgres_ms:.2f}, worker {worker_ms / sample.load.payments:.2f} ms;"
        f" {webhooks} webhooks and {records} records left at the end",
        flush=True,
    )


def main() -> None:
    """Read the options and measure on a temporary system."""
    parser = argparse.ArgumentParser(prog="benchmarks.beside", description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--warm-up", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--type", default="payment_intent.succeeded", help="or * for every event")
    given = parser.parse_args()
    if not INSTALLED:
        sys.exit(SKIP_REASON)
    with own_folder() as var, ExitStack() as ending:
        run(given, var, ending)


if __name__ == "__main__":
    main()
