"""Identifiers and randomness: the only place that draws random bits."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from random import Random
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_MOMENT_MAX = 253_402_300_799
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_RANDOM_SHIFTS = range(70, -1, -10)
_MOMENT_CHARACTERS = 10


class Ids(Protocol):
    """What makes identifiers, secrets and jitter."""

    def new(self, prefix: str) -> str:
        """Return `prefix_` and 26 characters that sort by time (a version 7 UUID, RFC 9562)."""

    def uuid(self) -> uuid.UUID:
        """Return a version 7 UUID."""

    def secret(self) -> str:
        """Return 256 random bits as 52 letters and digits."""

    def jitter(self, limit: int) -> int:
        """Return a whole number from 0 up to and including `limit`."""


def _uuid7(milliseconds: int, random_bits: int) -> int:
    high = (milliseconds << 16) | 0x7000 | (random_bits >> 62 & 0xFFF)
    low = 0x8000000000000000 | (random_bits & 0x3FFFFFFFFFFFFFFF)
    return (high << 64) | low


def encode(number: int) -> str:
    """Return a 128-bit number as 26 characters whose order is the number's."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def first_id_of(prefix: str, moment_unix: int) -> str:
    """Return the lowest id that can be made in a second; the first of all before 1970."""
    seconds = max(0, min(moment_unix, _MOMENT_MAX))
    return f"{prefix}_{encode((seconds * 1000) << 80)}"


def moment_of(identifier: str) -> datetime:
    """Return when one of our ids was made, to the millisecond, as its first characters tell."""
    number = 0
    for character in identifier.partition("_")[2][:26]:
        number = number << 5 | _ALPHABET.index(character)
    return datetime.fromtimestamp((number >> 80) / 1000, UTC)


def derived(*parts: str) -> uuid.UUID:
    """Return the one UUID that belongs to these words, the same on every machine."""
    digest = blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    return uuid.UUID(bytes=digest)


class _Bits:
    """Random bits for identifiers, drawn from the system in one piece for many of them.

    A forked process forgets those of its parent, or both would make the same identifiers.
    """

    def __init__(self) -> None:
        self._drawn = b""
        self._used = 0
        os.register_at_fork(after_in_child=self._forget)

    def draw(self) -> int:
        """Return 80 random bits that were never returned before."""
        start = self._used
        self._used = end = start + 10
        if end > len(self._drawn):
            self._drawn = os.urandom(2_000)
            start, self._used = 0, 10
        return int.from_bytes(self._drawn[start : start + 10])

    def _forget(self) -> None:
        self._drawn, self._used = b"", 0


_bits = _Bits()


class SystemIds:
    """Identifiers from the machine's clock and its random source."""

    def __init__(self) -> None:
        self._moment = (-1, "")

    def new(self, prefix: str) -> str:
        milliseconds = time.time_ns() // 1_000_000
        number = _uuid7(milliseconds, _bits.draw())
        at, head = self._moment
        if at != milliseconds:
            # The first 50 of the 130 bits that 26 characters hold are the same all this time.
            head = encode(number)[:_MOMENT_CHARACTERS]
            self._moment = milliseconds, head
        return f"{prefix}_{head}{''.join([_PAIRS[number >> s & 1023] for s in _RANDOM_SHIFTS])}"

    def uuid(self) -> uuid.UUID:
        return uuid.UUID(int=_uuid7(time.time_ns() // 1_000_000, _bits.draw()))

    def secret(self) -> str:
        drawn = os.urandom(32)
        return encode(int.from_bytes(drawn[:16])) + encode(int.from_bytes(drawn[16:]))

    def jitter(self, limit: int) -> int:
        return int.from_bytes(os.urandom(4)) % (limit + 1)


class SeededIds:
    """Identifiers that are the same for the same seed, for tests and simulation.

    Each is of a later millisecond than the one before, and none of an earlier one than `now` says.
    """

    def __init__(self, seed: int, now: Callable[[], datetime] | None = None) -> None:
        self._random = Random(seed)
        self._now = now
        self._milliseconds = 1_767_225_600_000

    def new(self, prefix: str) -> str:
        return f"{prefix}_{encode(self.uuid().int)}"

    def uuid(self) -> uuid.UUID:
        self._milliseconds += 1
        if self._now is not None:
            moment = int(self._now().timestamp() * 1000)
            self._milliseconds = max(self._milliseconds, moment)
        return uuid.UUID(int=_uuid7(self._milliseconds, self._random.getrandbits(80)))

    def secret(self) -> str:
        return encode(self._random.getrandbits(128)) + encode(self._random.getrandbits(128))

    def jitter(self, limit: int) -> int:
        return self._random.randint(0, limit)
