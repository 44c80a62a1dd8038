"""Clients of the ledger's routes, a process of its own: keep-alive sockets and JSON bodies.

Run by `benchmarks.ledger`; reads one JSON object of `HttpOrder` fields and prints one of results.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import uvloop

from benchmarks.connection import play
from benchmarks.ledger_load import LEDGER, LedgerLoad, TransferIds
from benchmarks.stage import machine_ms

WARM_UP = 0.7
ACCOUNTS = 50
"""How many accounts each merchant has; their ids are 1 to this number."""


@dataclass(frozen=True, slots=True)
class HttpOrder:
    """What to ask of 127.0.0.1: `clients` connections, `bulk` transfers in each request."""

    port: int
    keys: list[str]
    clients: int
    bulk: int
    seconds: float
    warm_up: float = WARM_UP


class _Run:
    def __init__(self, order: HttpOrder) -> None:
        self._order = order
        self._ids = TransferIds()
        self._choose = random.Random(7)
        self._sent = 0
        self._times: list[float] = []
        self._since = time.perf_counter() + order.warm_up
        self._until = self._since + order.seconds

    async def play(self) -> LedgerLoad:
        """Keep every client busy until the time is over."""
        before, machine = resource.getrusage(resource.RUSAGE_SELF), machine_ms()
        await play(self, self._order.port, self._order.clients)
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times = sorted(self._times)
        return LedgerLoad(
            transfers=len(times) * self._order.bulk,
            seconds=time.perf_counter() - self._since,
            p50_ms=1000 * times[len(times) // 2],
            p99_ms=1000 * times[len(times) * 99 // 100],
            client_us=0.0,
            postgres_us=0.0,
            machine_us=(machine_ms() - machine) * 1e3 / self._sent / self._order.bulk,
            loader_us=used * 1e6 / self._sent / self._order.bulk,
        )

    def message(self, number: int) -> bytes:
        """Return the next request; clients go through all merchants in turn."""
        self._sent += 1
        key = self._order.keys[self._sent % len(self._order.keys)]
        transfers = [self._transfer() for _ in range(self._order.bulk)]
        path, body = "/v1/ledger/transfers", orjson.dumps(transfers[0])
        if self._order.bulk > 1:
            path, body = "/v1/ledger/transfers_bulk", orjson.dumps({"transfers": transfers})
        head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def answered(self, answer: bytes, since: float) -> None:
        """Count an answer; every transfer must have been made."""
        made = answer.count(b'"status":"created"') if self._order.bulk > 1 else 1
        if not answer.startswith(b"HTTP/1.1 200") or made != self._order.bulk:
            raise SystemExit(answer[:800].decode("latin-1"))
        if since > self._since:
            self._times.append(time.perf_counter() - since)

    def over(self) -> bool:
        """Say whether no further request is to be sent."""
        return time.perf_counter() > self._until

    def _transfer(self) -> dict[str, Any]:
        debit, credit = self._choose.sample(range(1, ACCOUNTS + 1), 2)
        return {
            "id": str(self._ids.next()), "debit_account_id": str(debit),
            "credit_account_id": str(credit), "amount": str(self._choose.randint(1, 70_000)),
            "ledger": LEDGER, "code": 7,
        }  # fmt: skip


def main() -> None:
    """Play the order that stands on standard input."""
    order = HttpOrder(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(_Run(order).play()))))


if __name__ == "__main__":
    main()
