"""One door to webhook endpoints: create, update, pause, rotate secrets, delete, read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Delete, Insert, RowVersion, Unit, Update
from hazina.egress.addresses import AddressPolicy
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.service import Caller
from hazina.metadata import merged
from hazina.paging import Page, read_page
from hazina.refusals import Code, Refusal, shown_id
from hazina.webhooks.endpoint import checked_events, checked_url, checked_version
from hazina.webhooks.signature import PREFIX
from hazina.webhooks.view import endpoint_view

_TABLE = "webhook_endpoint"
_ENDPOINTS_MAX = 100


class WebhookEndpoints:
    """The endpoints of merchants, each merchant in a mode apart."""

    def __init__(
        self,
        reader: Reader,
        idempotency: Idempotency,
        clock: Clock,
        ids: Ids,
        policy: AddressPolicy,
    ) -> None:
        self._reader = reader
        self._idempotency = idempotency
        self._clock = clock
        self._ids = ids
        self._policy = policy

    async def create(
        self, caller: Caller, params: dict[str, Any], request: IdempotencyRequest | None
    ) -> Answer:
        """Make an endpoint and answer it with its secret.

        Refuses `parameter_missing`, `parameter_invalid`, `url_invalid`, and too many endpoints.
        """
        merchant = caller.merchant

        async def load() -> int:
            return len(await self._reader.where(_TABLE, merchant_id=merchant.merchant_id))

        def decide(count: int) -> OneUnit:
            if count >= _ENDPOINTS_MAX:
                raise Refusal(
                    Code.PARAMETER_INVALID,
                    f"You have {_ENDPOINTS_MAX} webhook endpoints, the most there may be: "
                    "delete one first.",
                )
            row = self._new_row(caller, params)
            view = endpoint_view(row, livemode=merchant.livemode, secret=row["secret"])
            return OneUnit(Unit(merchant.merchant_id, writes=(Insert(_TABLE, row),)), view)

        return await self._idempotency.run_once(request, merchant.merchant_id, load, decide)

    async def update(
        self,
        caller: Caller,
        endpoint_id: str,
        params: dict[str, Any],
        request: IdempotencyRequest | None,
    ) -> Answer:
        """Change url, enabled_events, description, metadata or disabled. Refuses as `create`."""

        def change(row: Row) -> dict[str, Any]:
            return self._changes(row, params, livemode=caller.merchant.livemode)

        return await self._change(caller, endpoint_id, change, request)

    async def pause(
        self, caller: Caller, endpoint_id: str, paused: bool, request: IdempotencyRequest | None
    ) -> Answer:
        """Hold deliveries back, or let them go again; what happens meanwhile is kept for it."""
        # While it is paused it does not fail: the days after which it is disabled begin anew.
        changes = {"paused": True} if paused else {"paused": False, "failing_since": None}
        return await self._change(caller, endpoint_id, lambda _: changes, request)

    async def rotate(
        self,
        caller: Caller,
        endpoint_id: str,
        overlap_seconds: int,
        request: IdempotencyRequest | None,
    ) -> Answer:
        """Give an endpoint another secret and answer with it.

        Webhooks are signed with the old one too until the overlap is over. A secret that was
        rotated away before is no longer signed with.
        """
        secret = self._secret()

        def change(row: Row) -> dict[str, Any]:
            until = self._clock.now() + timedelta(seconds=overlap_seconds)
            old = {"old_secret": row["secret"], "old_secret_until": until}
            none = {"old_secret": None, "old_secret_until": None}
            return {"secret": secret, **(old if overlap_seconds else none)}

        return await self._change(caller, endpoint_id, change, request, secret)

    async def delete(
        self, caller: Caller, endpoint_id: str, request: IdempotencyRequest | None
    ) -> Answer:
        """Remove an endpoint; what was not delivered to it never will be."""
        merchant = caller.merchant

        def decide(row: Row) -> OneUnit:
            key = (merchant.merchant_id, endpoint_id)
            unit = Unit(
                merchant.merchant_id,
                relies_on=(RowVersion(_TABLE, key, row["version"]),),
                writes=(Delete(_TABLE, key, row["version"]),),
            )
            view = {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}
            return OneUnit(unit, view)

        return await self._idempotency.run_once(
            request, merchant.merchant_id, lambda: self._get(caller, endpoint_id), decide
        )

    async def retrieve(self, caller: Caller, endpoint_id: str) -> dict[str, Any]:
        """Return one endpoint. Refuses `resource_missing`."""
        row = await self._get(caller, endpoint_id)
        return endpoint_view(row, livemode=caller.merchant.livemode)

    async def list(self, caller: Caller, page: Page) -> tuple[list[dict[str, Any]], bool]:
        """Return endpoints from the newest to the oldest, and whether there are more."""
        merchant = caller.merchant
        cursor = page.cursor
        if cursor is not None:
            await self._get(caller, cursor.object_id, cursor.param)
        rows, more = await read_page(
            self._reader.query, "webhook_endpoint_list", page, {"merchant_id": merchant.merchant_id}
        )
        return [endpoint_view(row, livemode=merchant.livemode) for row in rows], more

    def _new_row(self, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
        merchant = caller.merchant
        return {
            "merchant_id": merchant.merchant_id,
            "id": self._ids.new("we"),
            "url": checked_url(params.get("url"), self._policy, livemode=merchant.livemode),
            "secret": self._secret(),
            "enabled_events": checked_events(params.get("enabled_events")),
            "status": "enabled",
            "description": params.get("description") or None,
            "metadata": merged({}, params.get("metadata")),
            "api_version": checked_version(params.get("api_version")),
            "created": self._clock.now(),
            "connect": bool(params.get("connect")),
        }

    def _secret(self) -> str:
        return f"{PREFIX}{self._ids.secret()}"

    async def _change(
        self,
        caller: Caller,
        endpoint_id: str,
        change: Callable[[Row], dict[str, Any]],
        request: IdempotencyRequest | None,
        secret: str | None = None,
    ) -> Answer:
        merchant = caller.merchant

        def decide(row: Row) -> OneUnit:
            changes = change(row)
            key, version = (merchant.merchant_id, endpoint_id), row["version"]
            unit = Unit(
                merchant.merchant_id,
                relies_on=(RowVersion(_TABLE, key, version),),
                writes=(Update(_TABLE, key, version, changes),) if changes else (),
            )
            view = endpoint_view({**row, **changes}, livemode=merchant.livemode, secret=secret)
            return OneUnit(unit, view)

        return await self._idempotency.run_once(
            request, merchant.merchant_id, lambda: self._get(caller, endpoint_id), decide
        )

    def _changes(self, row: Row, params: dict[str, Any], *, livemode: bool) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if "url" in params:
            changes["url"] = checked_url(params["url"], self._policy, livemode=livemode)
            if changes["url"] != row["url"]:
                changes["failing_since"] = None
        if "enabled_events" in params:
            changes["enabled_events"] = checked_events(params["enabled_events"])
        if "description" in params:
            changes["description"] = params["description"] or None
        if "metadata" in params:
            changes["metadata"] = merged(row["metadata"], params["metadata"])
        if params.get("disabled") is not None:
            changes["status"] = "disabled" if params["disabled"] else "enabled"
            # Whoever switches it begins anew: it has not failed since, and nobody else disabled it.
            changes["failing_since"], changes["disabled_reason"] = None, None
        return changes

    async def _get(self, caller: Caller, endpoint_id: str, param: str = "webhook_endpoint") -> Row:
        row = await self._reader.get(_TABLE, (caller.merchant.merchant_id, endpoint_id))
        if row is None:
            message = f"No such webhook endpoint: '{shown_id(endpoint_id)}'"
            raise Refusal(Code.RESOURCE_MISSING, message, param=param)
        return row
