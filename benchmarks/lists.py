"""Measures lists and searches of a merchant with a million payments: `python -m benchmarks.lists`.

A fifth as many payments of a hundred other merchants stand beside. Every line is asked over HTTP,
one request at a time; what is known to be slow stands in a part of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import math
import re
import statistics
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from benchmarks.stage import own_folder
from hazina.bootstrap.app import open_core
from hazina.bootstrap.settings import Settings
from hazina.cli.place import SystemOptions, free_port
from hazina.cli.system import Running, System
from hazina.clock import SystemClock
from hazina.ids import SystemIds

_LOAD = Path(__file__).with_name("million.sql")
_LIMIT_MS = 50.0
_INTENTS, _CHARGES = "/v1/payment_intents/search", "/v1/charges/search"
_SEARCHES = {
    "metadata, one match": (_INTENTS, 'metadata["order"]:"N-12001"'),
    "metadata, a third of all": (_INTENTS, 'metadata["channel"]:"web"'),
    "metadata, a few": (_INTENTS, 'metadata["campaign"]:"c3"'),
    "metadata, no match": (_INTENTS, 'metadata["order"]:"none"'),
    "amounts, many": (_INTENTS, "amount>50000"),
    "amounts, one in a thousand": (_INTENTS, "amount>1000000"),
    "an exact amount": (_INTENTS, "amount:12345"),
    "a narrow range": (_INTENTS, "amount>=90000 amount<90010"),
    "status, most": (_INTENTS, 'status:"succeeded"'),
    "status, one in fifty": (_INTENTS, 'status:"requires_capture"'),
    "status, one in ten thousand": (_INTENTS, 'status:"processing"'),
    "status, none": (_INTENTS, 'status:"requires_action"'),
    "not that status": (_INTENTS, '-status:"succeeded"'),
    "a currency that is not there": (_INTENTS, 'currency:"eur"'),
    "not that currency": (_INTENTS, '-currency:"kes"'),
    "combined": (_INTENTS, 'status:"succeeded" currency:"usd" amount>80000'),
    "either": (_INTENTS, 'currency:"eur" OR amount>1000000'),
    "charges, an exact amount": (_CHARGES, "amount:12345"),
    "charges, an amount and currency": (_CHARGES, 'amount:12345 currency:"kes"'),
    "charges, amounts, many": (_CHARGES, "amount>5000"),
    "charges, one in a thousand": (_CHARGES, "amount>1000000"),
    "charges, a currency not there": (_CHARGES, 'currency:"eur"'),
    "charges, status, none": (_CHARGES, 'status:"pending"'),
    "charges, failed": (_CHARGES, 'status:"failed"'),
    "charges, refunded in part, none": (_CHARGES, 'refunded:"false"'),
    "charges, refunded": (_CHARGES, 'refunded:"true"'),
    "charges, metadata, one match": (_CHARGES, 'metadata["order"]:"N-12001"'),
}
_SLOW = {
    "metadata absent, from none": (_INTENTS, 'metadata["order"]:null'),
}


async def _merchant(running: Running) -> tuple[str, str]:
    settings = Settings(database_url=running.database_url, pepper=running.secrets.pepper)
    core = await open_core(settings)
    try:
        merchant = await core.merchants.create(business_name="Duka kubwa")
        return merchant.merchant_id, await core.merchants.issue_key(merchant)
    finally:
        await core.close()


def load(database_url: str, merchant_id: str, count: int) -> None:
    """Write the merchant's year, and gather the statistics that autovacuum would."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET work_mem = '256MB'")
        cursor = psycopg.ClientCursor(connection)
        for statement in re.split(r";\n(?=\n|$)", _LOAD.read_text()):
            if statement.strip():
                cursor.execute(statement.encode(), {"count": count, "merchant_id": merchant_id})
        connection.execute("VACUUM ANALYZE")


class Asker:
    """Asks the API over one kept connection."""

    def __init__(self, running: Running, key: str) -> None:
        self._port = int(running.url.rsplit(":", 1)[1])
        self._headers = {"Authorization": f"Bearer {key}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)

    def get(self, path: str, **params: Any) -> Any:
        """Return an answer, empty for a search given up; end everything at another refusal."""
        self._connection.request("GET", f"{path}?{urlencode(params)}", headers=self._headers)
        reply = self._connection.getresponse()
        body = json.loads(reply.read())
        refused = body.get("error", {}).get("code")
        if refused == "search_too_broad":
            return {"data": []}
        if refused is not None:
            raise SystemExit(f"{path} {params}: {body}")
        return body

    def measure(self, rounds: int, path: str, **params: Any) -> tuple[float, float, int]:
        """Return p50 and p99 in milliseconds, and how many objects came."""
        taken = []
        found = 0
        for _ in range(rounds):
            begun = time.perf_counter()
            found = len(self.get(path, **params)["data"])
            taken.append((time.perf_counter() - begun) * 1000)
        taken.sort()
        return statistics.median(taken), taken[math.ceil(len(taken) * 0.99) - 1], found


def lists(asker: Asker, payments: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what is listed: a name, the path and the parameters."""
    intents, charges = "/v1/payment_intents", "/v1/charges"
    newest = asker.get(intents, limit=1)["data"][0]
    # One payment every 26 seconds, the others' included: nine tenths of the way back.
    ago = newest["created"] - payments * 28
    deep = asker.get(intents, limit=1, **{"created[lte]": ago})["data"][0]
    buyer = asker.get(intents, limit=100)["data"]
    customer = next(one["customer"] for one in buyer if one["customer"])
    charge = asker.get(charges, limit=1)["data"][0]
    lines = "/v1/balance_transactions"
    return {
        "first page": (intents, {}),
        "after a deep cursor": (intents, {"starting_after": deep["id"], "limit": 100}),
        "before a deep cursor": (intents, {"ending_before": deep["id"], "limit": 100}),
        "created, an old day": (intents, {"created[gte]": ago, "created[lt]": ago + 86_400}),
        "of a customer": (intents, {"customer": customer}),
        "charges of a customer": (charges, {"customer": customer}),
        "charges of an intent": (charges, {"payment_intent": charge["payment_intent"]}),
        "refunds": ("/v1/refunds", {}),
        "events of a common type": ("/v1/events", {"type": "charge.succeeded"}),
        "events of a rare type": ("/v1/events", {"type": "charge.refunded"}),
        "events of an absent type": ("/v1/events", {"type": "payment_intent.requires_action"}),
        "lines of refunds": (lines, {"type": "refund"}),
        "lines of a charge": (lines, {"source": charge["id"]}),
        "lines of a currency": (lines, {"currency": "usd"}),
        "lines of an absent currency": (lines, {"currency": "eur"}),
        "customers by e-mail": ("/v1/customers", {"email": "buyer777@duka.example"}),
    }


def _loaded(arguments: argparse.Namespace, running: Running, note: Path) -> str:
    """Return the key of the merchant with the payments, which a kept folder may already have."""
    if note.exists():
        return note.read_text()
    merchant_id, key = asyncio.run(_merchant(running))
    print(f"Loading {arguments.payments} payments ...", flush=True)
    load(running.database_url, merchant_id, arguments.payments)
    note.write_text(key)
    return key


def run(arguments: argparse.Namespace, var: Path) -> None:
    """Start a system, load, measure, print."""
    system = System(SystemOptions(free_port(), var), SystemClock(), SystemIds())
    try:
        running = asyncio.run(system.start())
        asker = Asker(running, _loaded(arguments, running, var / "loaded"))
        asked = {f"list: {name}": what for name, what in lists(asker, arguments.payments).items()}
        asked |= {
            f"search: {name}": (path, {"query": query}) for name, (path, query) in _SEARCHES.items()
        }
        worst = 0.0
        print(f"{'':<44} {'p50 ms':>8} {'p99 ms':>8} {'found':>6}")
        for name, (path, params) in asked.items():
            p50, p99, found = asker.measure(arguments.rounds, path, **params)
            worst = max(worst, p99)
            print(f"{name:<44} {p50:>8.1f} {p99:>8.1f} {found:>6}", flush=True)
        print(f"The slowest p99 is {worst:.1f} ms; {_LIMIT_MS:.0f} ms are allowed.")
        print("Known to read everything (docs/adr/0011-search-indexes.md):")
        for name, (path, query) in _SLOW.items():
            p50, p99, found = asker.measure(5, path, query=query)
            print(f"{name:<44} {p50:>8.1f} {p99:>8.1f} {found:>6}", flush=True)
    finally:
        system.stop()


def main() -> None:
    """Read the options and measure on a temporary system."""
    parser = argparse.ArgumentParser(prog="benchmarks.lists", description=__doc__)
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="a folder to load once and measure again")
    arguments = parser.parse_args()
    with own_folder(arguments.keep) as var:
        run(arguments, var)


if __name__ == "__main__":
    main()
