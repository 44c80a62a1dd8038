"""Measures payments per second of the product beside two floors: `python -m benchmarks.payments`.

A payment is create + confirm + automatic capture in one POST /v1/payment_intents. The *bare* floor
does the least that such a payment could, with the usual libraries; *statements* executes the very
array statements of a payment and nothing else of the product. `--floors bare statements lean` adds
the bare floor's work done with the product's encoders and HTTP client. All ask the same simulator
once per payment. `--before REVISION` measures the product of an earlier commit as well, whole and
on a server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.earlier import earlier
from benchmarks.load import Load, Order
from benchmarks.stage import (
    child_pid,
    cpu_ms,
    family,
    machine_ms,
    make_merchants,
    other_load,
    own_folder,
    start_floor,
)
from hazina.cli.children import Child
from hazina.cli.place import SystemOptions, free_port
from hazina.cli.system import Running, System
from hazina.clock import SystemClock
from hazina.db import embedded
from hazina.db.migrate import migrate
from hazina.ids import SystemIds

_MERCHANTS = 100
_FLOORS = ("bare", "statements", "lean")
_BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Machines:
    """The database server and the simulator that a subject uses."""

    postgres: int
    simulator: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured, where, and with whose keys."""

    name: str
    port: int
    pid: int
    keys: list[str]
    machines: Machines


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: what the clients saw and the CPU per payment, in milliseconds, of each part.

    `others` is how many cores all other programs used meanwhile.
    """

    load: Load
    others: float
    api_ms: float
    postgres_ms: float
    simulator_ms: float

    @property
    def rate(self) -> float:
        return self.load.payments / self.load.seconds


def measure(subject: Subject, clients: int, seconds: float) -> Sample:
    """Run the load generator once and divide the CPU that each part used by the payments."""
    order = Order(subject.port, subject.keys, clients, seconds)
    before, busy_ms = _spent(subject), machine_ms()
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(order)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    after, busy_ms = _spent(subject), machine_ms() - busy_ms
    if finished.returncode != 0:
        raise SystemExit(f"{subject.name}: {finished.stderr}")
    load = Load(**json.loads(finished.stdout))
    if load.failures:
        print(f"  {subject.name}: {load.failures} failures, the first: {load.first_failure}")
    spent = [b - a for a, b in zip(before, after, strict=True)]
    ours_ms = sum(spent) + load.cpu_ms * load.payments
    others = max(0.0, busy_ms - ours_ms) / 1000 / load.seconds
    return Sample(load, others, *(ms / load.payments for ms in spent))


def _spent(subject: Subject) -> tuple[float, float, float]:
    postgres = sum(cpu_ms(pid) for pid in family(subject.machines.postgres))
    return cpu_ms(subject.pid), postgres, cpu_ms(subject.machines.simulator)


def report(results: dict[tuple[str, int], list[Sample]], clients: list[int]) -> None:
    """Print the medians of each subject, and the ratios of the product to the floors."""
    print(
        f"\n{'clients':>7} {'subject':<11} {'payments/s':>10} {'p50 ms':>8} {'p99 ms':>8}"
        f" {'API':>7} {'PostgreSQL':>11} {'simulator':>10} {'client':>7}   (CPU ms per payment)"
    )
    for count in clients:
        rates: dict[str, float] = {}
        for (name, at), samples in results.items():
            if at != count or not samples:
                continue
            rates[name] = statistics.median(sample.rate for sample in samples)
            columns = [
                statistics.median(values)
                for values in zip(
                    *(
                        (s.load.p50_ms, s.load.p99_ms, s.api_ms, s.postgres_ms, s.simulator_ms,
                         s.load.cpu_ms)
                        for s in samples
                    ),
                    strict=True,
                )
            ]  # fmt: skip
            p50, p99, api, postgres, simulator, client = columns
            print(
                f"{count:>7} {name:<11} {rates[name]:>10.0f} {p50:>8.1f} {p99:>8.1f}"
                f" {api:>7.2f} {postgres:>11.2f} {simulator:>10.2f} {client:>7.2f}"
            )
        for floor in (*_FLOORS, _BEFORE):
            if floor in rates and "product" in rates:
                print(f"{'':>7} product/{floor}: {rates['product'] / rates[floor]:.2f}")


def run(arguments: argparse.Namespace, var: Path) -> None:
    """Start everything, measure the subjects in turn, print, and end everything."""
    system = System(SystemOptions(free_port(), var), SystemClock(), SystemIds())
    floors: list[Child] = []
    ending = ExitStack()
    try:
        running = asyncio.run(system.start())
        keys = asyncio.run(make_merchants(running, _MERCHANTS))
        server = embedded.ensure(var / "postgres")
        machines = Machines(server.pid, child_pid("hazina.simulators.sandbox"))
        port = int(running.url.rsplit(":", 1)[1])
        subjects = [Subject("product", port, child_pid("api"), keys, machines)]
        for name in arguments.floors:
            port = free_port()
            environment = {
                "BENCH_DATABASE_URL": _database(running, name),
                "BENCH_SIMULATOR_URL": running.simulator_url,
            }
            floors.append(start_floor(name, port, environment, var))
            subjects.append(Subject(name, port, floors[-1].pid, keys, machines))
        if arguments.before:
            at = ending.enter_context(earlier(arguments.before, var))
            theirs = Machines(at["postgres"], at["simulator"])
            subjects.append(Subject(_BEFORE, at["port"], at["pid"], at["keys"], theirs))
        print(f"Other programs use {other_load():.2f} cores at rest. Trust ratios before figures.")
        results: dict[tuple[str, int], list[Sample]] = {}
        for subject in subjects:
            measure(subject, 16, arguments.warm_up)
        # Subjects take turns within each round, so that noise of the machine meets all alike.
        for round_number in range(arguments.runs):
            for clients in arguments.clients:
                for subject in subjects:
                    sample = measure(subject, clients, arguments.seconds)
                    results.setdefault((subject.name, clients), []).append(sample)
                    print(
                        f"  run {round_number + 1}, {clients} clients, {subject.name}:"
                        f" {sample.rate:.0f}/s (others used {sample.others:.2f} cores)",
                        flush=True,
                    )
        report(results, arguments.clients)
    except SystemExit:
        for log in (var / "log").iterdir():
            print(f"The end of {log.name}:\n{log.read_text(errors='replace')[-3_000:]}")
        raise
    finally:
        ending.close()
        for floor in floors:
            floor.stop(5)
        system.stop()


def _database(running: Running, name: str) -> str:
    """Make a database of the floor's own, migrated, on the same server; return its URL."""
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "bench_{name}"'.encode())
    url = make_conninfo(**{**conninfo_to_dict(running.database_url), "dbname": f"bench_{name}"})
    migrate(url)
    return url


def main() -> None:
    """Read the options and measure on a temporary system."""
    parser = argparse.ArgumentParser(prog="benchmarks.payments", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=3.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--floors", nargs="*", choices=_FLOORS, default=["bare", "statements"])
    parser.add_argument("--before", metavar="REVISION", help="an earlier commit to compare with")
    arguments = parser.parse_args()
    with own_folder() as var:
        run(arguments, var)


if __name__ == "__main__":
    main()
