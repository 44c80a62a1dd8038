"""Requests as JSON Lines: one object each, answered with one line."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from hazina.db.unit import Quarantined
from hazina.ledger import wire
from hazina.ledger.service import Ledgers
from hazina.ledger.wire import WireError

Advance = Callable[[int], Awaitable[int]]
"""Moves the clock of a scratch ledger by nanoseconds; returns how many transfers expired."""


class Script:
    """Answers the requests of one script over one space."""

    def __init__(self, ledgers: Ledgers, space: str, advance: Advance | None = None) -> None:
        self._ledgers = ledgers
        self._space = space
        self._advance = advance
        self.failures = 0

    async def answer(self, line: str | bytes) -> bytes:
        """Return the answer to one line; what cannot be read or stored with an error."""
        try:
            answer = await self._answer(read_request(line))
        except WireError as error:
            answer = self._refused(str(error))
        except Quarantined:
            answer = self._refused(
                "The database refuses the data of this request; nothing of it was booked."
            )
        return orjson.dumps(answer)

    def _refused(self, message: str) -> dict[str, Any]:
        self.failures += 1
        return {"error": {"code": "parameter_invalid", "message": message}}

    async def _answer(self, request: tuple[str, Any]) -> Any:
        name, sent = request
        ledgers, space = self._ledgers, self._space
        match name:
            case "create_accounts":
                accounts = await ledgers.create_accounts(space, wire.read_accounts(sent))
                return [wire.shown_result(result) for result in accounts]
            case "create_transfers":
                transfers = await ledgers.create_transfers(space, wire.read_transfers(sent))
                return [wire.shown_result(result) for result in transfers]
            case "lookup_accounts":
                return _all(await ledgers.lookup_accounts(space, wire.read_ids(sent)))
            case "lookup_transfers":
                return _all(await ledgers.lookup_transfers(space, wire.read_ids(sent)))
            case "get_account_transfers":
                narrow = wire.read_account_filter(sent)
                return _all(await ledgers.account_transfers(space, narrow))
            case "get_account_balances":
                narrow = wire.read_account_filter(sent)
                return _all(await ledgers.account_balances(space, narrow))
            case "query_accounts":
                return _all(await ledgers.query_accounts(space, wire.read_query_filter(sent)))
            case "query_transfers":
                return _all(await ledgers.query_transfers(space, wire.read_query_filter(sent)))
            case "advance_clock_ns" if self._advance is not None:
                step_ns = wire.read_number(sent, "advance_clock_ns")
                return {"advanced_clock_ns": step_ns, "expired": await self._advance(step_ns)}
            case "advance_clock_ns":
                raise WireError("advance_clock_ns: only a ledger of --scratch has such a clock.")
            case _:
                raise WireError(
                    "There is no such request. Send create_accounts, create_transfers, "
                    "lookup_accounts, lookup_transfers, get_account_transfers, "
                    "get_account_balances, query_accounts or query_transfers."
                )


def read_request(line: str | bytes) -> tuple[str, Any]:
    """Read a line: an object with one key, the request's name. Raises `WireError`."""
    try:
        # The standard parser, since the fast one turns numbers beyond 64 bits into fractions.
        sent = json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise WireError("Send one JSON object a line.") from error
    if not isinstance(sent, dict) or len(sent) != 1:
        raise WireError("Send an object with one key, the name of the request.")
    ((name, value),) = sent.items()
    return name, value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise WireError("An object holds one name twice; send each once.")
    return found


def _all(records: Any) -> list[dict[str, Any]]:
    return [wire.shown(record) for record in records]
