"""A command and what its outcome changes are read as of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hazina.commands.command import Command, Operation, State, from_row
from hazina.commands.reading import read_together
from hazina.db.table import Key, Row


class _OneCommand:
    """A reader of one command."""

    def __init__(self) -> None:
        self.row: Row = {
            "merchant_id": "acct_1", "id": "cmd_1", "operation": Operation.CAPTURE.value,
            "provider": "sandbox", "payment_intent": "pi_1", "charge": "ch_1", "refund": None,
            "request": {}, "state": State.WAITING.value, "fence": 1, "inquiries": 0,
            "evidence": None, "version": 1, "refusal": None, "history": None,
        }  # fmt: skip

    async def get(self, table: str, key: Key) -> Row | None:
        assert (table, key) == ("command", ("acct_1", "cmd_1"))
        return dict(self.row)

    async def where(self, table: str, **equal: Any) -> list[Row]:
        raise AssertionError("only the command is read")

    async def query(self, name: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        raise AssertionError("only the command is read")


def _read(reader: _OneCommand, settles_at: int | None) -> tuple[Command, str, int]:
    """Read while another process settles the command during the given read of its payment."""
    reads = 0

    async def payment() -> str:
        nonlocal reads
        reads += 1
        if reads == settles_at:
            reader.row |= {"state": State.DONE.value, "version": 2}
        return "succeeded" if reader.row["state"] == State.DONE.value else "processing"

    command = from_row(reader.row)
    now, status = asyncio.run(read_together(reader, command, payment))
    return now, status, reads


def test_a_command_settled_between_two_reads_is_read_again_with_its_payment() -> None:
    command, status, reads = _read(_OneCommand(), settles_at=1)
    assert (command.state, status, reads) == (State.DONE, "succeeded", 2)


def test_a_command_that_stands_still_is_read_with_its_payment_once() -> None:
    command, status, reads = _read(_OneCommand(), settles_at=None)
    assert (command.state, status, reads) == (State.WAITING, "processing", 1)
