"""Reading rows that an engine lacks, beside the batches in flight."""

from __future__ import annotations

import logging
from dataclasses import replace

import psycopg

from hazina.db.link import Again, Link, LinkLost, LinkSettings, Poison, UnsafeServer
from hazina.db.results import Found, take_in
from hazina.db.statements import Statements
from hazina.db.table import Row, Schema
from hazina.db.unit import Lacking

_PATIENCE_MS = 1_000
_REST_MAX = 64
_log = logging.getLogger(__name__)


class Recall:
    """Reads over a connection of its own: the writer's answers in the order of its batches.

    What is read may have changed by the time it is used. The batch that was judged from it proves
    each row's version, so nothing is locked here, and where reading fails the batch is executed
    as usual.
    """

    def __init__(
        self, url: str, schema: Schema, statements: Statements, settings: LinkSettings
    ) -> None:
        self._url = url
        self._schema = schema
        self._statements = statements
        self._settings = replace(
            settings, answer_timeout_ms=_PATIENCE_MS, connect_timeout_seconds=_PATIENCE_MS // 1000
        )
        self._link: Link | None = None
        self._reading = self._over = False
        self._rest, self._rest_next = 0, 1

    async def read(self, lacking: Lacking, server: str) -> list[Row]:
        """Return the rows that this server has; none where it cannot be asked.

        After a failure some batches are not tried, twice as many each time in a row.
        """
        if self._rest:
            self._rest -= 1
            return []
        table = self._schema[lacking.table]
        keys = sorted(lacking.keys, key=table.order_of)
        self._reading = True
        try:
            if self._link is None:
                self._link = await Link.connect(self._url, self._settings)
            if self._link.server != server:
                raise LinkLost("another server answers at this address")
            (result,) = await self._link.run([self._statements.read(table, keys)])
        except (LinkLost, Again, Poison, UnsafeServer, psycopg.Error) as error:
            _log.warning("rows could not be read beside the batches: %s", error)
            self._over = True
            self._rest = self._rest_next
            self._rest_next = min(2 * self._rest_next, _REST_MAX)
            return []
        finally:
            self._reading = False
            if self._over:
                self.close()
        self._rest_next = 1
        found = Found()
        take_in(found, "read", table, keys, result)
        return list(found.rows.values())

    def close(self) -> None:
        """End the connection, after the read that waits for it; the next one opens another."""
        self._over = self._reading
        if self._link is not None and not self._reading:
            self._link.close()
            self._link = None
