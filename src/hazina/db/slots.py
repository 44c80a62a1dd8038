"""The writer slot that a process leases: its fence, and the head of its hash chain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hazina.db.arrays import DECODERS
from hazina.db.link import Link
from hazina.db.statements import COMMIT, Call, Statement, call, statement
from hazina.db.table import Kind

GENESIS = bytes(32)

_BEGIN = Call(statement("BEGIN"), ())
_ONE_AT_A_TIME = Call(
    statement("LOCK TABLE writer_slot IN SHARE ROW EXCLUSIVE MODE"), ()
)  # Two processes that take or make a slot at once wait for each other; batches wait for nobody.
_TAKE = statement(
    "UPDATE writer_slot SET holder = $1, fence = fence + 1,"
    " lease_until = now() + $2 * interval '1 millisecond'"
    " WHERE slot = (SELECT slot FROM writer_slot"
    "  WHERE lease_until IS NULL OR lease_until < now() ORDER BY slot LIMIT 1)"
    " RETURNING slot, fence",
    "text",
    "bigint",
)
_ADD = statement(
    "INSERT INTO writer_slot (slot, holder, fence, lease_until)"
    " SELECT coalesce(max(slot), 0) + 1, $1, 1, now() + $2 * interval '1 millisecond'"
    " FROM writer_slot RETURNING slot, fence",
    "text",
    "bigint",
)
_HEAD = statement(
    "SELECT sequence, hash FROM batch WHERE slot = $1 ORDER BY sequence DESC LIMIT 1", "integer"
)
_HELD = statement("SELECT 1 FROM writer_slot WHERE slot = $1 AND fence = $2", "integer", "bigint")
_RENEW = statement(
    "UPDATE writer_slot SET lease_until = now() + $3 * interval '1 millisecond'"
    " WHERE slot = $1 AND fence = $2 RETURNING 1",
    "integer",
    "bigint",
    "bigint",
)
_RELEASE = statement(
    "UPDATE writer_slot SET lease_until = NULL, holder = NULL WHERE slot = $1 AND fence = $2",
    "integer",
    "bigint",
)
_TOUCH = statement(
    "UPDATE writer_slot SET lease_until = lease_until WHERE slot = $1 RETURNING 1", "integer"
)
_APPEND = statement(
    "INSERT INTO batch (slot, sequence, batch_id, digest, previous_hash, hash)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    "integer",
    "bigint",
    "bigint",
    "bytea",
    "bytea",
    "bytea",
)
# What a batch appends that presumes the one before it: a division by zero where that is missing.
_APPEND_AFTER = statement(
    "WITH appended AS (INSERT INTO batch (slot, sequence, batch_id, digest, previous_hash, hash)"
    " SELECT $1, $2, $3, $4, $5, $6 FROM batch"
    " WHERE slot = $1 AND sequence = $2 - 1 AND hash = $5 RETURNING 1)"
    " SELECT 1 / count(*) FROM appended",
    "integer",
    "bigint",
    "bigint",
    "bytea",
    "bytea",
    "bytea",
)
_FIND = statement("SELECT hash FROM batch WHERE slot = $1 AND sequence = $2", "integer", "bigint")


def chain_hash(previous_hash: bytes, sequence: int, digest: bytes) -> bytes:
    """Return the hash of a chain row: SHA-256 of the previous hash, the sequence, the digest."""
    return hashlib.sha256(previous_hash + sequence.to_bytes(8, "big") + digest).digest()


@dataclass(slots=True)
class Slot:
    """A leased slot. `sequence` and `hash` are those of the last row of its chain.

    Two holders can never both append the same sequence: it is in the chain's primary key. The
    fence tells a holder whose lease ran out to look for another slot.
    """

    number: int
    fence: int
    sequence: int = 0
    hash: bytes = GENESIS

    def batch_id(self) -> int:
        """Return the id of the next batch, which is also its advisory lock."""
        return self.number << 40 | (self.sequence + 1)

    def held(self) -> Call:
        """Return one row while the slot is still ours."""
        return call(_HELD, ("integer", "bigint"), self.number, self.fence)

    def renew(self, lease_ms: int) -> Call:
        """Extend the lease; return one row while the slot is still ours."""
        return call(_RENEW, ("integer", "bigint", "bigint"), self.number, self.fence, lease_ms)

    def release(self) -> Call:
        """Give the slot back."""
        return call(_RELEASE, ("integer", "bigint"), self.number, self.fence)

    def touch(self) -> Call:
        """Write something of our own, so that a COMMIT after it proves durability."""
        return call(_TOUCH, ("integer",), self.number)

    def append(self, digest: bytes) -> tuple[Call, bytes]:
        """Add the next row of the chain; also return its hash."""
        return self._append(_APPEND, digest)

    def append_after(self, digest: bytes) -> tuple[Call, bytes]:
        """Add the next row; the statement fails unless the row before it is there as we know it."""
        return self._append(_APPEND_AFTER, digest)

    def _append(self, form: Statement, digest: bytes) -> tuple[Call, bytes]:
        sequence = self.sequence + 1
        following = chain_hash(self.hash, sequence, digest)
        kinds: tuple[Kind, ...] = ("integer", "bigint", "bigint", "bytea", "bytea", "bytea")
        values = (self.number, sequence, self.batch_id(), digest, self.hash, following)
        return call(form, kinds, *values), following

    def find_next(self) -> Call:
        """Return the hash of the row after our head, if somebody appended it."""
        return call(_FIND, ("integer", "bigint"), self.number, self.sequence + 1)

    def advance(self, following: bytes) -> None:
        """Take note that the next row was appended."""
        self.sequence += 1
        self.hash = following

    async def reload(self, link: Link) -> None:
        """Read the head of the chain again."""
        (head,) = await link.run([call(_HEAD, ("integer",), self.number)])
        if head.ntuples:
            self.sequence = DECODERS["bigint"](head.get_value(0, 0) or b"")
            self.hash = bytes(head.get_value(0, 1) or b"")


async def acquire(link: Link, holder: str, lease_ms: int) -> Slot:
    """Lease the first free slot, or a new one."""
    kinds: tuple[Kind, ...] = ("text", "bigint")
    results = await link.run([_BEGIN, _ONE_AT_A_TIME, call(_TAKE, kinds, holder, lease_ms)])
    taken = results[2]
    if not taken.ntuples:
        (taken,) = await link.run([call(_ADD, kinds, holder, lease_ms)])
    slot = Slot(
        number=DECODERS["integer"](taken.get_value(0, 0) or b""),
        fence=DECODERS["bigint"](taken.get_value(0, 1) or b""),
    )
    await link.run([COMMIT])
    await slot.reload(link)
    return slot
