"""Routes of webhook endpoints."""

from __future__ import annotations

from hazina.api.lists import listing, split
from hazina.api.params import others as params
from hazina.api.route import Call, Result, Route

_KIND = "webhook_endpoint"


async def create(call: Call) -> Result:
    """Add an endpoint; the answer alone shows its signing secret."""
    return await call.core.webhooks.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one endpoint, without its secret."""
    return await call.core.webhooks.retrieve(call.caller, call.ids[0])


async def update(call: Call) -> Result:
    """Change an endpoint."""
    return await call.core.webhooks.update(call.caller, call.ids[0], call.params, call.idempotency)


async def delete(call: Call) -> Result:
    """Remove an endpoint."""
    return await call.core.webhooks.delete(call.caller, call.ids[0], call.idempotency)


async def list_all(call: Call) -> Result:
    """Return endpoints, newest first."""
    _, page = split(call.params)
    return listing(call.path, await call.core.webhooks.list(call.caller, page))


async def rotate(call: Call) -> Result:
    """Give an endpoint another secret; the answer alone shows it."""
    overlap = call.params.get("overlap_seconds", _DAY_SECONDS)
    return await call.core.webhooks.rotate(call.caller, call.ids[0], overlap, call.idempotency)


async def pause(call: Call) -> Result:
    """Hold deliveries back; they are kept."""
    return await call.core.webhooks.pause(call.caller, call.ids[0], True, call.idempotency)


async def resume(call: Call) -> Result:
    """Let deliveries go again."""
    return await call.core.webhooks.pause(call.caller, call.ids[0], False, call.idempotency)


async def test(call: Call) -> Result:
    """Send an event to this endpoint alone."""
    return await call.core.webhook_replays.test(call.caller, call.ids[0], call.idempotency)


async def replay_event(call: Call) -> Result:
    """Send one event again."""
    return await call.core.webhook_replays.one(
        call.caller, call.ids[0], call.params["event"], call.idempotency
    )


async def replay(call: Call) -> Result:
    """Begin to send many events again."""
    return await call.core.webhook_replays.many(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def retrieve_replay(call: Call) -> Result:
    """Return how far a replay has come."""
    return await call.core.webhook_replays.retrieve(call.caller, call.ids[0])


async def list_deliveries(call: Call) -> Result:
    """Return deliveries, newest event first."""
    filters, page = split(call.params)
    records = call.core.webhook_records
    return listing(call.path, await records.deliveries(call.caller, call.ids[0], filters, page))


async def list_attempts(call: Call) -> Result:
    """Return attempts, newest first."""
    filters, page = split(call.params)
    records = call.core.webhook_records
    return listing(call.path, await records.attempts(call.caller, call.ids[0], filters, page))


_DAY_SECONDS = 86_400
_ALL = "/v1/webhook_endpoints"
_ONE = "/v1/webhook_endpoints/{id}"
_OWN = "/v1/hazina/webhook_endpoints/{id}"
_DELIVERY = "hazina.webhook_delivery"
_REPLAY = "hazina.webhook_replay"
ROUTES = (
    Route("POST", _ALL, create, params.WEBHOOK_CREATE, _KIND, "Create a webhook endpoint"),
    Route("GET", _ALL, list_all, params.PLAIN_LIST, _KIND, "List webhook endpoints", listed=True),
    Route("GET", _ONE, retrieve, params.NOTHING, _KIND, "Retrieve a webhook endpoint"),
    Route("POST", _ONE, update, params.WEBHOOK_UPDATE, _KIND, "Update a webhook endpoint"),
    Route("DELETE", _ONE, delete, params.NOTHING, _KIND, "Delete a webhook endpoint"),
    Route("POST", f"{_OWN}/rotate_secret", rotate, params.WEBHOOK_ROTATE, _KIND,
          "Rotate the signing secret of a webhook endpoint"),
    Route("POST", f"{_OWN}/pause", pause, params.NOTHING, _KIND, "Pause a webhook endpoint"),
    Route("POST", f"{_OWN}/resume", resume, params.NOTHING, _KIND, "Resume a webhook endpoint"),
    Route("POST", f"{_OWN}/test", test, params.NOTHING, _DELIVERY, "Test a webhook endpoint"),
    Route("POST", f"{_OWN}/replay_event", replay_event, params.WEBHOOK_REPLAY_ONE, _DELIVERY,
          "Send an event again"),
    Route("POST", f"{_OWN}/replay", replay, params.WEBHOOK_REPLAY, _REPLAY,
          "Send many events again"),
    Route("GET", "/v1/hazina/webhook_replays/{id}", retrieve_replay, params.NOTHING, _REPLAY,
          "Retrieve a replay of events"),
    Route("GET", f"{_OWN}/deliveries", list_deliveries, params.WEBHOOK_DELIVERIES, _DELIVERY,
          "List deliveries of a webhook endpoint", listed=True),
    Route("GET", f"{_OWN}/attempts", list_attempts, params.WEBHOOK_ATTEMPTS,
          "hazina.webhook_attempt", "List attempts of a webhook endpoint", listed=True),
)  # fmt: skip
