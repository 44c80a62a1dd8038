"""Reading a command together with what its outcome changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hazina.commands.command import Command, from_row
from hazina.db.reader import Reader

_T = TypeVar("_T")


async def read_together(
    reader: Reader, command: Command, read: Callable[[], Awaitable[_T]]
) -> tuple[Command, _T]:
    """Return a command as it is now, and what `read` returns, both of one moment.

    An outcome that comes by another door between two reads would pair a command still open with
    a payment that is over. Whoever settles a command changes its row in the same unit: if that
    is the same afterwards as before, nothing has been settled in between.
    """
    version = command.version
    while True:
        found = await read()
        row = await reader.get("command", command.key)
        assert row is not None
        if row["version"] == version:
            return from_row(row), found
        version = row["version"]
