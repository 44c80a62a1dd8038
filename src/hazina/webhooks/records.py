"""Reading what was delivered: deliveries and attempts of an endpoint, from the newest."""

from __future__ import annotations

from typing import Any

from hazina.db.reader import Reader
from hazina.merchants.service import Caller
from hazina.paging import Page, read_page
from hazina.refusals import Code, Refusal, shown_id
from hazina.webhooks.view import attempt_view, delivery_view


class WebhookRecords:
    """The deliveries and attempts of the calling merchant's endpoints."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def deliveries(
        self, caller: Caller, endpoint_id: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Render deliveries, of one status if `status` says so, and whether more follow.

        Refuses `resource_missing` for the endpoint, and for a cursor that is no event's id.
        """
        return await self._list(
            caller, endpoint_id, "webhook_delivery", delivery_view, page,
            {"state": filters.get("status")},
        )  # fmt: skip

    async def attempts(
        self, caller: Caller, endpoint_id: str, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Render attempts, of one event if `event` names it, and whether more follow.

        Refuses `resource_missing` as `deliveries`.
        """
        return await self._list(
            caller, endpoint_id, "webhook_attempt", attempt_view, page,
            {"event": filters.get("event")},
        )  # fmt: skip

    async def counts(self, caller: Caller, endpoint_id: str) -> dict[str, int]:
        """Return how many deliveries of an endpoint are in each state."""
        rows = await self._reader.query(
            "webhook_deliveries_count",
            {"merchant_id": caller.merchant.merchant_id, "endpoint": endpoint_id},
        )
        return {row["state"]: row["count"] for row in rows}

    async def _list(
        self, caller: Caller, endpoint_id: str, kind: str, view: Any, page: Page,
        filters: dict[str, Any],
    ) -> tuple[list[dict[str, Any]], bool]:  # fmt: skip
        merchant = caller.merchant
        await demand_endpoint(self._reader, caller, endpoint_id)
        place = {"merchant_id": merchant.merchant_id, "endpoint": endpoint_id}
        if page.cursor is not None:
            await self._demand_cursor(kind, place, page.cursor.object_id, page.cursor.param)
        rows, more = await read_page(self._reader.query, f"{kind}_list", page, place | filters)
        return [view(row, livemode=merchant.livemode) for row in rows], more

    async def _demand_cursor(
        self, kind: str, place: dict[str, Any], object_id: str, param: str
    ) -> None:
        if not await self._reader.query(f"{kind}_exists", place | {"id": object_id}):
            raise Refusal(
                Code.RESOURCE_MISSING, f"No such {kind}: '{shown_id(object_id)}'", param=param
            )


async def demand_endpoint(reader: Reader, caller: Caller, endpoint_id: str) -> dict[str, Any]:
    """Return an endpoint's row. Refuses `resource_missing`."""
    row = await reader.get("webhook_endpoint", (caller.merchant.merchant_id, endpoint_id))
    if row is None:
        message = f"No such webhook endpoint: '{shown_id(endpoint_id)}'"
        raise Refusal(Code.RESOURCE_MISSING, message, param="webhook_endpoint")
    return dict(row)
