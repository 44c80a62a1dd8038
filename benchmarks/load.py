"""The load generator, a process of its own: keep-alive sockets, form bodies rendered beforehand.

Run by `benchmarks.payments`; reads one JSON object of `Order` fields and prints one of results.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from uuid import uuid4

import uvloop

from benchmarks.connection import play

_BODY = (
    b"amount=%d&currency=kes&payment_method=pm_card_visa&confirm=true"
    b"&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never"
)
_AMOUNTS = [1_000_00 + 137 * step for step in range(50)]


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask of whom: `port` of 127.0.0.1, secret keys, clients, and for how long."""

    port: int
    keys: list[str]
    clients: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a run. CPU is the generator's own, milliseconds per payment."""

    payments: int
    failures: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    first_failure: str


class _Run:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._sent = 0
        self._seed = uuid4().hex
        self._latencies: list[float] = []
        self._failures: list[bytes] = []
        self._until = 0.0
        self._heads = [_head(key) for key in order.keys]
        self._bodies = [_BODY % amount for amount in _AMOUNTS]

    async def play(self) -> Load:
        """Keep every client busy until the time is over."""
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.perf_counter()
        self._until = began + self._order.seconds
        await play(self, self._order.port, self._order.clients)
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times = sorted(self._latencies)
        count = len(times)
        if not count:
            raise SystemExit(f"no payment succeeded: {self._failures[:1]!r}")
        return Load(
            payments=count,
            failures=len(self._failures),
            seconds=seconds,
            p50_ms=1000 * times[count // 2],
            p99_ms=1000 * times[min(count - 1, count * 99 // 100)],
            cpu_ms=1000 * cpu / count,
            first_failure=self._failures[0][:600].decode("latin-1") if self._failures else "",
        )

    def message(self, number: int) -> bytes:
        """Return the next request; clients go through all merchants in turn."""
        self._sent += 1
        body = self._bodies[self._sent % len(self._bodies)]
        head = self._heads[self._sent % len(self._heads)]
        key = f"{self._seed}-{number}-{self._sent}".encode()
        return head % (key, len(body)) + body

    def answered(self, answer: bytes, since: float) -> None:
        """Count an answer; only a payment that has succeeded is one."""
        if answer.startswith(b"HTTP/1.1 200") and b'"status":"succeeded"' in answer:
            self._latencies.append(time.perf_counter() - since)
        else:
            self._failures.append(answer)

    def over(self) -> bool:
        """Say whether no further request is to be sent."""
        return time.perf_counter() >= self._until


def _head(key: str) -> bytes:
    lines = (
        "POST /v1/payment_intents HTTP/1.1",
        "host: 127.0.0.1",
        f"authorization: Bearer {key}",
        "content-type: application/x-www-form-urlencoded",
        "idempotency-key: %s",
        "content-length: %d",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def main() -> None:
    """Play the order that stands on standard input."""
    order = Order(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(_Run(order).play()))))


if __name__ == "__main__":
    main()
