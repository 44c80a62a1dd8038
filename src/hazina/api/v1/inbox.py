"""Routes of the operator's inbox: callbacks that were not applied."""

from __future__ import annotations

from hazina.api.params import inbox as params
from hazina.api.route import Call, Result, Route

_KIND = "hazina.inbox"
_SHOWN = 10


async def show(call: Call) -> Result:
    """Return counts by state, and the oldest callbacks that are held back."""
    limit = call.params.get("limit", _SHOWN)
    return await call.core.held_callbacks.show(call.caller, call.params.get("state"), limit)


async def replay(call: Call) -> Result:
    """Give quarantined callbacks their tries anew."""
    chosen = call.params.get("callback")
    return await call.core.held_callbacks.replay(call.caller, chosen, call.idempotency)


ROUTES = (
    Route("GET", "/v1/hazina/inbox", show, params.SHOW, _KIND, "Show callbacks not applied"),
    Route(
        "POST", "/v1/hazina/inbox/replay", replay, params.REPLAY, _KIND,
        "Try quarantined callbacks again",
    ),
)  # fmt: skip
