"""What says that the database is away or busy, and nothing about the data."""

from __future__ import annotations

import psycopg

from hazina.db.link import Again, LinkLost
from hazina.db.unit import Overloaded

AWAY: tuple[type[Exception], ...] = (
    psycopg.OperationalError, psycopg.InterfaceError, LinkLost, Again, Overloaded, OSError,
)  # fmt: skip
"""After one of these the same work may succeed unchanged: nobody is to blame for it."""
