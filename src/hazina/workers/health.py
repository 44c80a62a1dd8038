"""The worker's health over HTTP, on loopback: each loop, how it fares and how far it is behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
import structlog
from aiohttp import web

from hazina.db.away import AWAY
from hazina.workers.loop import LoopReport
from hazina.workers.worker import Worker

_log = structlog.get_logger("hazina.workers")
_STUCK_MS = 120_000


class Health:
    """Answers `/health` with JSON and `/metrics` in Prometheus' text format."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._runner: web.AppRunner | None = None

    async def open(self, port: int) -> str:
        """Listen on 127.0.0.1, on any free port for 0; return the address. Raises OSError."""
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        """Answer 200 while every loop gets on, or else 503 with the loops that do not."""
        reports, lags = self._worker.reports(), await self._lags()
        troubled = [name for name, one in reports.items() if not _well(one)]
        ready = lags is not None and not troubled and not self._worker.draining
        body = {
            "healthy": ready,
            "draining": self._worker.draining,
            "database": "ok" if lags is not None else "away",
            "troubled": troubled,
            "loops": {
                name: asdict(one) | {"lag_seconds": (lags or {}).get(name)}
                for name, one in reports.items()
            },
            "notes": self._worker.notes(),
        }
        return _json(200 if ready else 503, body)

    async def _metrics(self, _: web.Request) -> web.Response:
        lines = []
        lags = await self._lags() or {}
        reports = self._worker.reports()
        for metric, about, values in (
            ("lag_seconds", "Age of the oldest work that waits", lags),
            ("failures", "Failed steps in a row", _each(reports, "failures")),
            ("steps_total", "Steps that ended well", _each(reports, "steps")),
            ("found_total", "Work that steps found", _each(reports, "found")),
        ):
            name = f"hazina_worker_{metric}"
            kind = "counter" if metric.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {about}.", f"# TYPE {name} {kind}"]
            lines += [
                f'{name}{{loop="{loop}"}} {values.get(loop, 0)}'
                for loop in reports
                if metric != "lag_seconds" or loop in _MEASURED
            ]
        return web.Response(text="\n".join(lines) + "\n")

    async def _lags(self) -> dict[str, int] | None:
        """Return the seconds by which loops are behind; None when the database is away."""
        try:
            return await self._worker.lags()
        except AWAY as problem:
            _log.warning("worker_health", problem=type(problem).__name__)
            return None


_MEASURED = frozenset({"fan_out", "checkout", "relay", "deliver", "janitor", "inbox"})


def _well(report: LoopReport) -> bool:
    return report.healthy and (report.running_ms or 0) < _STUCK_MS


def _each(reports: Mapping[str, LoopReport], name: str) -> dict[str, int]:
    return {loop: getattr(report, name) for loop, report in reports.items()}


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
