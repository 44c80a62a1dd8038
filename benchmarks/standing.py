"""A whole product of its own for a measurement: `python benchmarks/standing.py FOLDER`.

Prints where it stands as one line of JSON, and ends when its standard input does. It is started
with the modules of an earlier revision too, so it uses nothing that is new.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.stage import child_pid, make_merchants
from hazina.cli.place import SystemOptions, free_port
from hazina.cli.system import System
from hazina.clock import SystemClock
from hazina.db import embedded
from hazina.ids import SystemIds

_MERCHANTS = 100


def main() -> None:
    """Start, say where, and stay until nobody listens any more."""
    folder = Path(sys.argv[1])
    folder.mkdir(mode=0o755)
    port = free_port()
    system = System(SystemOptions(port, folder), SystemClock(), SystemIds())
    try:
        running = asyncio.run(system.start())
        stands = {
            "port": port,
            "pid": child_pid("api"),
            "keys": asyncio.run(make_merchants(running, _MERCHANTS)),
            "postgres": embedded.ensure(folder / "postgres").pid,
            "simulator": child_pid("hazina.simulators.sandbox"),
        }
        print(json.dumps(stands), flush=True)
        sys.stdin.read()
    finally:
        system.stop()
        embedded.destroy(folder / "postgres")


if __name__ == "__main__":
    main()
