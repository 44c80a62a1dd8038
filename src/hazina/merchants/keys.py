"""One door to API keys: create, list, roll and revoke them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.unit import Claim, RowVersion, Unit, Update
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.key import ApiKey, Kind, from_row, make, to_row, view
from hazina.merchants.merchant import Caller, Merchant
from hazina.paging import Page, read_page
from hazina.refusals import Code, Refusal, shown_id

_TABLE = "api_key"
_KEYS_MAX = 200


class ApiKeys:
    """The keys of the calling merchant in its mode.

    The key itself is in the first answer to the request that makes it, and nowhere else: neither
    in the database nor in what an Idempotency-Key replays. `forget` is called with the merchant_id
    whose keys changed, so that this process notices at once; others notice within five seconds.
    """

    def __init__(
        self, reader: Reader, idempotency: Idempotency, clock: Clock, ids: Ids, pepper: bytes,
        forget: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._reader = reader
        self._idempotency = idempotency
        self._clock = clock
        self._ids = ids
        self._pepper = pepper
        self._forget = forget

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Make a key. Refuses `parameter_missing`, `parameter_invalid` (scopes, too many keys)."""
        merchant = caller.merchant
        scopes = _checked_scopes(params)
        secret, made = self._make(merchant, params["type"], params.get("name"), scopes)

        async def load() -> int:
            now = self._clock.now()
            rows = await self._reader.where(_TABLE, merchant_id=merchant.merchant_id)
            return sum(not from_row(row).revoked(now) for row in rows)

        def decide(count: int) -> OneUnit:
            if count >= _KEYS_MAX:
                raise Refusal(
                    Code.PARAMETER_INVALID,
                    f"You have {_KEYS_MAX} API keys, the most there may be: revoke one first.",
                )
            claim = Claim(_TABLE, to_row(made))
            shown = view(made, merchant.livemode, self._clock.now())
            return OneUnit(Unit(merchant.merchant_id, claims=(claim,)), shown)

        answer = await self._idempotency.run_once(idempotency, merchant.merchant_id, load, decide)
        return _with_secret(answer, secret)

    async def roll(
        self, caller: Caller, key_id: str, grace_seconds: int,
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Make a key like this one, which works for the grace time yet.

        Refuses `resource_missing`, and `parameter_invalid` for a key that is ending already.
        """
        merchant = caller.merchant
        made: list[str] = []

        def decide(old: ApiKey) -> OneUnit:
            now = self._clock.now()
            if old.revoked_at is not None:
                raise Refusal(
                    Code.PARAMETER_INVALID,
                    f"The key {old.id} was revoked or replaced before. Roll the key that "
                    "replaced it, or create another.",
                    param="id",
                )
            secret, fresh = self._make(merchant, old.kind, old.name, old.scopes)
            made[:] = [secret]
            unit = _ending(old, now + timedelta(seconds=grace_seconds))
            unit = replace(unit, claims=(Claim(_TABLE, to_row(fresh)),))
            return OneUnit(unit, view(fresh, merchant.livemode, now))

        answer = await self._idempotency.run_once(
            idempotency, merchant.merchant_id, lambda: self._get(caller, key_id), decide
        )
        self._forget(merchant.merchant_id)
        return _with_secret(answer, made[0] if made else "")

    async def revoke(
        self, caller: Caller, key_id: str, grace_seconds: int,
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """End a key, at once or after the grace time, never later than it would have ended."""
        merchant = caller.merchant

        def decide(old: ApiKey) -> OneUnit:
            now = self._clock.now()
            until = now + timedelta(seconds=grace_seconds)
            if old.revoked_at is not None and old.revoked_at <= until:
                return OneUnit(Unit(merchant.merchant_id), view(old, merchant.livemode, now))
            ended = replace(old, revoked_at=until)
            return OneUnit(_ending(old, until), view(ended, merchant.livemode, now))

        answer = await self._idempotency.run_once(
            idempotency, merchant.merchant_id, lambda: self._get(caller, key_id), decide
        )
        self._forget(merchant.merchant_id)
        return answer

    async def retrieve(self, caller: Caller, key_id: str) -> dict[str, Any]:
        """Render one key. Refuses `resource_missing`."""
        key = await self._get(caller, key_id)
        return view(key, caller.merchant.livemode, self._clock.now())

    async def list(self, caller: Caller, page: Page) -> tuple[list[dict[str, Any]], bool]:
        """Render keys from the newest to the oldest, revoked ones too, and whether more follow."""
        merchant = caller.merchant
        cursor = page.cursor
        if cursor is not None:
            await self._get(caller, cursor.object_id, cursor.param)
        rows, more = await read_page(
            self._reader.query, "api_key_list", page, {"merchant_id": merchant.merchant_id}
        )
        now = self._clock.now()
        return [view(from_row(row), merchant.livemode, now) for row in rows], more

    def _make(
        self, merchant: Merchant, kind: Kind, name: str | None, scopes: Mapping[str, str] | None
    ) -> tuple[str, ApiKey]:
        return make(self._ids, self._clock, self._pepper, merchant, kind, name=name, scopes=scopes)

    async def _get(self, caller: Caller, key_id: str, param: str = "id") -> ApiKey:
        rows = await self._reader.where(_TABLE, merchant_id=caller.merchant.merchant_id, id=key_id)
        if not rows:
            message = f"No such API key: '{shown_id(key_id)}'"
            raise Refusal(Code.RESOURCE_MISSING, message, param=param)
        return from_row(rows[0])


def _ending(key: ApiKey, until: datetime) -> Unit:
    place = (key.hash,)
    return Unit(
        key.merchant_id,
        relies_on=(RowVersion(_TABLE, place, key.version),),
        writes=(Update(_TABLE, place, key.version, {"revoked_at": until}),),
    )


def _checked_scopes(params: dict[str, Any]) -> dict[str, str] | None:
    sent = params.get("scopes")
    if params["type"] != "restricted":
        if sent is None:
            return None
        raise Refusal(
            Code.PARAMETER_INVALID,
            "Only a restricted key has scopes: send type=restricted, or leave them out.",
            param="scopes",
        )
    scopes = {name: level for name, level in (sent or {}).items() if level != "none"}
    if not scopes:
        raise Refusal(
            Code.PARAMETER_MISSING,
            "Missing required param: scopes. A restricted key may do what they name and nothing "
            "else, for example scopes[payment_intents]=read.",
            param="scopes",
        )
    return scopes


def _with_secret(answer: Answer, secret: str) -> Answer:
    """Return the first answer with the key in it; a replay never shows it again."""
    if answer.replayed or answer.code is not None:
        return answer
    return replace(answer, body=orjson.dumps(orjson.loads(answer.body) | {"secret": secret}))
