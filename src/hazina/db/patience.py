"""Changes of the schema that give way to the sessions that use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import errors

ATTEMPTS_MAX = 20
T = TypeVar("T")


def patiently(
    connection: psycopg.Connection,
    work: Callable[[], T],
    again: tuple[type[psycopg.Error], ...] = (errors.LockNotAvailable,),
) -> T:
    """Do the work in a database transaction, again where it failed by one of these; return its own.

    Waiting for a lock for more than three seconds fails it, so that the sessions behind it go on.
    What `ATTEMPTS_MAX` attempts failed by is raised.
    """
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return _once(connection, work)
        except again:
            # The wait itself, three seconds long, is the pause between two attempts.
            continue
    return _once(connection, work)


def _once(connection: psycopg.Connection, work: Callable[[], T]) -> T:
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '3s'")
        return work()
