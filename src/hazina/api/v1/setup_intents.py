"""Routes of setup intents and their attempts."""

from __future__ import annotations

from typing import Any

import orjson

from hazina.api.lists import listing, split
from hazina.api.params import setup_intents as params
from hazina.api.route import Call, Result, Route
from hazina.idempotency.service import Answer
from hazina.refusals import Code, Refusal
from hazina.secrets import same

_KIND = "setup_intent"
_ATTEMPT = "setup_attempt"

_PUBLIC_FIELDS = frozenset(
    {
        "automatic_payment_methods", "cancellation_reason", "client_secret", "created",
        "description", "hazina", "id", "last_setup_error", "livemode", "next_action", "object",
        "payment_method", "payment_method_types", "status", "usage",
    }
)  # fmt: skip
"""What a holder of a publishable key and the client secret may see; above all, no metadata."""


async def create(call: Call) -> Result:
    """Make a setup intent, and confirm it when `confirm` is true."""
    return await call.core.setup_intents.create(call.caller, call.params, call.idempotency)


async def retrieve(call: Call) -> Result:
    """Return one setup intent; with a publishable key only to a holder of its secret."""
    return await _retrieve_for(call, call.params.get("client_secret"))


async def update(call: Call) -> Result:
    """Change a setup intent."""
    return await call.core.setup_intents.update(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def confirm(call: Call) -> Result:
    """Have the card verified; with a publishable key only for a holder of the secret."""
    client_secret = call.params.pop("client_secret", None)
    if client_secret is not None or call.caller.publishable:
        await _retrieve_for(call, client_secret)
    answer = await call.core.setup_intents.confirm(
        call.caller, call.ids[0], call.params, call.idempotency
    )
    return _public_answer(answer) if call.caller.publishable else answer


async def cancel(call: Call) -> Result:
    """Cancel a setup intent."""
    return await call.core.setup_intents.cancel(
        call.caller, call.ids[0], call.params, call.idempotency
    )


async def list_all(call: Call) -> Result:
    """Return setup intents, newest first."""
    filters, page = split(call.params)
    found = await call.core.setup_intents.list(call.caller, _KIND, filters, page)
    return listing(call.path, found)


async def list_attempts(call: Call) -> Result:
    """Return the attempts of a setup intent, newest first."""
    filters, page = split(call.params)
    # An intent of somebody else has no attempts that could be listed: it is not there.
    await call.core.setup_intents.retrieve(call.caller, _KIND, filters["setup_intent"])
    found = await call.core.setup_intents.list(call.caller, _ATTEMPT, filters, page)
    return listing(call.path, found)


async def _retrieve_for(call: Call, client_secret: str | None) -> dict[str, Any]:
    """Return the intent if the client secret, where one is sent or needed, is the intent's."""
    if call.caller.publishable and client_secret is None:
        raise Refusal(
            Code.PARAMETER_MISSING,
            "Missing required param: client_secret. A publishable key needs it.",
            param="client_secret",
        )
    view = await call.core.setup_intents.retrieve(call.caller, _KIND, call.ids[0])
    if client_secret is not None and not same(view["client_secret"], client_secret):
        raise Refusal(
            Code.RESOURCE_MISSING,
            "The client_secret provided does not match the setup intent's.",
            param="client_secret",
        )
    return public_view(view) if call.caller.publishable else view


def public_view(view: dict[str, Any]) -> dict[str, Any]:
    """Return what may be shown in a customer's browser."""
    return {name: value for name, value in view.items() if name in _PUBLIC_FIELDS}


def _public_answer(answer: Answer) -> Answer:
    body = orjson.loads(answer.body)
    if answer.code is None:
        body = public_view(body)
    elif isinstance(body["error"].get("setup_intent"), dict):
        body["error"]["setup_intent"] = public_view(body["error"]["setup_intent"])
    return Answer(answer.code, orjson.dumps(body), answer.replayed)


_ALL = "/v1/setup_intents"
_ONE = f"{_ALL}/{{id}}"
ROUTES = (
    Route("POST", _ALL, create, params.CREATE, _KIND, "Create a setup intent"),
    Route("GET", _ALL, list_all, params.LIST, _KIND, "List setup intents", listed=True),
    Route(
        "GET", _ONE, retrieve, params.RETRIEVE, _KIND, "Retrieve a setup intent",
        publishable=True,
    ),
    Route("POST", _ONE, update, params.UPDATE, _KIND, "Update a setup intent"),
    Route(
        "POST", f"{_ONE}/confirm", confirm, params.CONFIRM, _KIND, "Confirm a setup intent",
        publishable=True,
    ),
    Route("POST", f"{_ONE}/cancel", cancel, params.CANCEL, _KIND, "Cancel a setup intent"),
    Route(
        "GET", "/v1/setup_attempts", list_attempts, params.ATTEMPT_LIST, _ATTEMPT,
        "List the attempts of a setup intent", listed=True,
    ),
)  # fmt: skip
