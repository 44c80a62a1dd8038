"""PostgreSQL's binary array format, written and read by hand for the column kinds of `Table`.

A driver's adapters cost many times the CPU per value, and the writer moves whole columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any
from uuid import UUID

import orjson

from hazina.db.table import Kind
from hazina.values import quick_uuid

ARRAY_OIDS: dict[Kind, int] = {
    "text": 1009, "uuid": 2951, "bigint": 1016, "integer": 1007, "numeric": 1231,
    "boolean": 1000, "timestamptz": 1185, "jsonb": 3807, "bytea": 1001, "from_now": 1016,
}  # fmt: skip

SCALAR_OIDS: dict[Kind, int] = {
    "text": 25, "uuid": 2950, "bigint": 20, "integer": 23, "numeric": 1700,
    "boolean": 16, "timestamptz": 1184, "jsonb": 3802, "bytea": 17, "from_now": 20,
}  # fmt: skip

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = b"\xff\xff\xff\xff"
_HEADER = Struct(">iiIii").pack
_LENGTH = Struct(">i").pack
_LENGTH_INT4 = Struct(">ii").pack
_LENGTH_INT8 = Struct(">iq").pack
_LENGTH_UUID = _LENGTH(16)
_TRUE = b"\x00\x00\x00\x01\x01"
_FALSE = b"\x00\x00\x00\x01\x00"
_NUMERIC_HEADER = Struct(">hhHh")
_NUMERIC_ONE = Struct(">ihhHhH").pack
_NUMERIC_TWO = Struct(">ihhHhHH").pack
_NUMERIC_ZERO = _LENGTH(8) + _NUMERIC_HEADER.pack(0, 0, 0, 0)
_POSITIVE = 0x0000
_NEGATIVE = 0x4000


class NotEncodable(Exception):
    """A value cannot be sent as its column's kind."""


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH(len(data)) + data


def _uuid(value: UUID) -> bytes:
    return _LENGTH_UUID + value.bytes


def _bigint(value: int) -> bytes:
    return _LENGTH_INT8(8, value)


def _integer(value: int) -> bytes:
    return _LENGTH_INT4(4, value)


def _boolean(value: bool) -> bytes:
    return _TRUE if value else _FALSE


def _bytea(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _timestamptz(value: datetime) -> bytes:
    return _LENGTH_INT8(8, (value - _EPOCH) // _MICROSECOND)


def _jsonb(value: Any) -> bytes:
    try:
        data = orjson.dumps(value)
    except TypeError:  # A whole number beyond 64 bits; a lone surrogate fails again here.
        data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return _LENGTH(len(data) + 1) + b"\x01" + data


def _numeric(value: int) -> bytes:
    """Encode a whole number as PostgreSQL's numeric: groups of four decimal digits."""
    if 0 < value < 100_000_000:
        # Nearly every amount and balance: at most two groups, packed at once.
        if value < 10_000:
            return _NUMERIC_ONE(10, 1, 0, _POSITIVE, 0, value)
        return _NUMERIC_TWO(12, 2, 1, _POSITIVE, 0, *divmod(value, 10_000))
    if value == 0:
        return _NUMERIC_ZERO
    number = abs(value)
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    groups.reverse()
    count = len(groups)
    sign = _NEGATIVE if value < 0 else _POSITIVE
    head = _NUMERIC_HEADER.pack(count, max(count - 1, 0), sign, 0)
    body = b"".join([group.to_bytes(2, "big") for group in groups])
    return _LENGTH(8 + 2 * count) + head + body


_ENCODERS: dict[Kind, Callable[[Any], bytes]] = {
    "text": _text,
    "uuid": _uuid,
    "bigint": _bigint,
    "integer": _integer,
    "numeric": _numeric,
    "boolean": _boolean,
    "timestamptz": _timestamptz,
    "jsonb": _jsonb,
    "bytea": _bytea,
    "from_now": _bigint,
}


def _texts(values: Sequence[str]) -> bytes:
    """Encode a column of texts: lengths and bytes in turn."""
    data = [value.encode() for value in values]
    parts = [b""] * (2 * len(data))
    parts[::2] = map(_LENGTH, map(len, data))
    parts[1::2] = data
    return b"".join(parts)


def _bigints(values: Sequence[int]) -> bytes:
    """Encode a column of whole numbers with one call."""
    numbers = [8] * (2 * len(values))
    numbers[1::2] = values
    return _pairs(len(values)).pack(*numbers)


@lru_cache(maxsize=1_024)
def _pairs(count: int) -> Struct:
    return Struct(">" + "iq" * count)


@lru_cache(maxsize=1_024)
def _pairs_of_integers(count: int) -> Struct:
    return Struct(">" + "ii" * count)


def _integers(values: Sequence[int]) -> bytes:
    numbers = [4] * (2 * len(values))
    numbers[1::2] = values
    return _pairs_of_integers(len(values)).pack(*numbers)


def _uuids(values: Sequence[UUID]) -> bytes:
    """Encode a column of UUIDs; asked for its bytes, each would go through a property."""
    if not values:
        return b""
    return _LENGTH_UUID + _LENGTH_UUID.join([value.int.to_bytes(16, "big") for value in values])


_COLUMN_ENCODERS: dict[Kind, Callable[[Sequence[Any]], bytes]] = {
    "text": _texts,
    "bigint": _bigints,
    "integer": _integers,
    "from_now": _bigints,
    "timestamptz": lambda values: _bigints([(v - _EPOCH) // _MICROSECOND for v in values]),
}
"""Kinds whose columns without NULL are encoded at once, which is cheaper than one by one."""


def encode(kind: Kind, values: Sequence[Any]) -> bytes:
    """Return a one-dimensional array of these values; None is NULL. Raises `NotEncodable`."""
    encoder = _ENCODERS[kind]
    head = _HEADER(1, 1, SCALAR_OIDS[kind], len(values), 1)
    try:
        # `None in values` would ask each UUID, in Python, whether it equals None.
        if kind == "uuid":
            try:
                return head + _uuids(values)
            except AttributeError:
                parts = [_NULL if value is None else _uuid(value) for value in values]
        elif None in values:
            parts = [_NULL if value is None else encoder(value) for value in values]
        elif kind in _COLUMN_ENCODERS:
            return head + _COLUMN_ENCODERS[kind](values)
        else:
            parts = [encoder(value) for value in values]
    except Exception as error:
        raise NotEncodable(f"{kind}: {error}") from error
    return head + b"".join(parts)


def encode_one(kind: Kind, value: Any) -> bytes | None:
    """Return one value in binary, without the array around it. Raises `NotEncodable`."""
    if value is None:
        return None
    try:
        return _ENCODERS[kind](value)[4:]
    except Exception as error:
        raise NotEncodable(f"{kind}: {error}") from error


def _read_integer(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _read_uuid(data: bytes) -> UUID:
    return quick_uuid(int.from_bytes(data, "big"))


def _read_timestamptz(data: bytes) -> datetime:
    return _EPOCH + timedelta(microseconds=_read_integer(data))


def _read_numeric(data: bytes) -> int:
    count, weight, sign, scale = _NUMERIC_HEADER.unpack_from(data)
    assert scale == 0, "numeric columns hold whole numbers"
    number = 0
    for index in range(count):
        number = number * 10_000 + int.from_bytes(data[8 + 2 * index : 10 + 2 * index], "big")
    for _ in range(weight + 1 - count):
        number *= 10_000
    return -number if sign == _NEGATIVE else number


DECODERS: dict[Kind, Callable[[bytes], Any]] = {
    "text": bytes.decode,
    "uuid": _read_uuid,
    "bigint": _read_integer,
    "integer": _read_integer,
    "numeric": _read_numeric,
    "boolean": lambda data: data == b"\x01",
    "timestamptz": _read_timestamptz,
    "jsonb": lambda data: orjson.loads(data[1:]),
    "bytea": bytes,
    "from_now": _read_timestamptz,
}
