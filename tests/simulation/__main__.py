"""Run seeds again: `python -m tests.simulation --seed 17 [--count 100] [--trace] [--shrink]`.

With `--postgres` their plans are played together by real processes on a PostgreSQL of their own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from pprint import pformat

from tests.simulation.plan import Plan, plan_of
from tests.simulation.played.stage import play
from tests.simulation.shrink import shrink
from tests.simulation.world import simulate
from tests.support import postgres


def main() -> int:
    """Return 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds from there")
    parser.add_argument("--trace", action="store_true", help="print all that happened")
    parser.add_argument("--shrink", action="store_true", help="print the smallest plan that fails")
    parser.add_argument("--go-on", action="store_true", help="do not stop at the first failure")
    parser.add_argument("--postgres", action="store_true", help="with real processes, together")
    chosen = parser.parse_args()
    if chosen.postgres:
        return _play(range(chosen.seed, chosen.seed + chosen.count))
    failed = 0
    began = time.monotonic()
    for seed in range(chosen.seed, chosen.seed + chosen.count):
        plan = plan_of(seed)
        result = simulate(plan, keep=chosen.trace)
        for line in result.lines:
            print(line)
        if chosen.count == 1 or result.problem:
            said = result.problem or "all promises kept"
            print(f"seed {seed}: trace {result.trace}, {result.requests} requests: {said}")
        if result.problem:
            failed += 1
            if chosen.shrink:
                _show_smallest(plan)
            if not chosen.go_on:
                break
    if chosen.count > 1:
        print(f"{failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


def _play(seeds: range) -> int:
    run = postgres.begin()
    try:
        with run.database() as url, tempfile.TemporaryDirectory() as folder:
            played = play([plan_of(seed) for seed in seeds], url, Path(folder))
    finally:
        run.finish()
    print(played)
    return 0 if played.problem is None else 1


def _show_smallest(plan: Plan) -> None:
    smallest = shrink(plan, lambda candidate: simulate(candidate).problem)
    result = simulate(smallest, keep=True)
    print("\n".join(result.lines))
    print(f"The smallest plan that fails so:\n{pformat(smallest, width=100)}\n{result.problem}")


if __name__ == "__main__":
    sys.exit(main())
