"""Starts the sandbox provider: `python -m hazina.simulators.sandbox --port P --data FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvloop

from hazina.clock import SystemClock
from hazina.connectors.sandbox.simulator.serve import serve
from hazina.dispatch.transport import HttpTransport
from hazina.ids import SystemIds


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="hazina.simulators.sandbox")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--callback-url", default="")
    parser.add_argument("--callback-secret", default="")
    chosen = parser.parse_args()
    uvloop.run(_run(chosen))


async def _run(chosen: argparse.Namespace) -> None:
    await serve(
        port=chosen.port,
        data=chosen.data,
        callback_url=chosen.callback_url,
        callback_secret=chosen.callback_secret,
        transport=HttpTransport(),
        clock=SystemClock(),
        ids=SystemIds(),
    )


if __name__ == "__main__":
    main()
