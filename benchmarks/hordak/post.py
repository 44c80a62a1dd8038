"""Posts transfers with django-hordak, unmodified, from threads with a connection each.

Runs in an environment of its own (`make bench-ledger` makes it). Takes the URL of an empty
database, the number of threads and of seconds; prints one JSON object: transfers, seconds,
latencies, CPU.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.management import call_command

_ACCOUNTS = 100


def configure(url: str) -> None:
    """Set Django up on this database, with persistent connections."""
    parts = urlsplit(url)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path[1:],
                "USER": parts.username,
                "HOST": parse_qs(parts.query)["host"][0],
                "CONN_MAX_AGE": None,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "hordak"],
        SECRET_KEY="only for this measurement",
        USE_TZ=True,
    )
    django.setup()


def main() -> None:
    """Post for a while and print what it took."""
    url, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    configure(url)
    from django.db import connection, transaction
    from hordak.models import Account
    from moneyed import Money

    call_command("migrate", verbosity=0)
    accounts = [
        Account.objects.create(name=f"a{n}", code=f"{n:03}", type="AS", currencies=["EUR"])
        for n in range(_ACCOUNTS)
    ]
    times: list[float] = []
    until = time.perf_counter() + seconds

    def work() -> None:
        choose = random.Random()
        while (began := time.perf_counter()) < until:
            debit, credit = choose.sample(accounts, 2)
            with transaction.atomic():
                debit.transfer_to(credit, Money(choose.randint(1, 1000), "EUR"))
            times.append(time.perf_counter() - began)
        connection.close()

    before, started = os.times(), time.perf_counter()
    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    took, after = time.perf_counter() - started, os.times()
    times.sort()
    usage = after.user + after.system - before.user - before.system
    print(
        json.dumps(
            {
                "transfers": len(times),
                "seconds": took,
                "p50_ms": 1000 * times[len(times) // 2],
                "p99_ms": 1000 * times[len(times) * 99 // 100],
                "client_us": usage * 1e6 / len(times),
                "postgres_us": 0.0,
                "machine_us": 0.0,
            }
        )
    )


if __name__ == "__main__":
    main()
