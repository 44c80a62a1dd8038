"""A COMMIT whose answer is lost or doubtful: finding out whether it is durable."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from hazina.clock import Clock
from hazina.db.link import Again, Link, LinkLost, LinkSettings, UnsafeServer
from hazina.db.slots import Slot
from hazina.db.statements import BEGIN, COMMIT, LOCK, ROLLBACK, call, statement

_TERMINATE = statement(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE pid = $1 AND granted"
    " AND locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = $2",
    "integer",
    "bigint",
)


class Doubt:
    """Asks a new session, once the old one is certainly gone."""

    def __init__(
        self,
        url: str,
        settings: LinkSettings,
        clock: Clock,
        *,
        terminate_after_ms: int,
        pause_ms: int,
    ) -> None:
        """`terminate_after_ms` bounds how long the old backend may still hold its lock."""
        self._url = url
        self._waiting = replace(settings, lock_timeout_ms=terminate_after_ms)
        self._clock = clock
        self._pause_ms = pause_ms

    async def resolve(self, old_pid: int, slot: Slot, following: bytes, lock: int) -> bool:
        """Find out what became of a batch whose COMMIT was not answered.

        Reading the chain row is only right once the old backend is gone, which the batch's own
        advisory lock tells (DB-24), or that of its session when it was sent whole. Asks until
        PostgreSQL answers: the callers must know.
        """
        while True:
            link: Link | None = None
            try:
                link = await Link.connect(self._url, self._waiting)
                return await _ask(link, slot, following, lock)
            except Again:
                if link is not None:
                    await _terminate(link, old_pid, lock)
            except (LinkLost, UnsafeServer, psycopg.Error):
                pass  # Asked again below, for as long as it takes.
            finally:
                if link is not None:
                    link.close()
            await self._clock.sleep_ms(self._pause_ms)


async def _ask(link: Link, slot: Slot, following: bytes, lock: int) -> bool:
    await link.run([BEGIN, call(LOCK, ("bigint",), lock)])
    found, _ = await link.run([slot.find_next(), slot.touch()])
    present = bool(found.ntuples) and found.get_value(0, 0) == following
    link.warned = False
    (result,) = await link.run([COMMIT])
    if link.warned or result.command_status != b"COMMIT":
        raise LinkLost("our own commit is not certain")
    return present


async def _terminate(link: Link, pid: int, lock: int) -> None:
    try:
        await link.run([ROLLBACK])
        await link.run([call(_TERMINATE, ("integer", "bigint"), pid, lock)])
    except (LinkLost, Again):
        return  # Tried again with the next connection.
