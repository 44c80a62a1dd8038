"""What a browser may do and see: an intent's client secret, and what its holder is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hazina.api.route import Call
from hazina.merchants.merchant import Caller
from hazina.refusals import Code, Refusal
from hazina.secrets import same

_ALWAYS = frozenset(
    {
        "automatic_payment_methods", "cancellation_reason", "client_secret", "created",
        "description", "hazina", "id", "livemode", "next_action", "object", "payment_method",
        "payment_method_types", "status",
    }
)  # fmt: skip
_OF_AN_ERROR = frozenset(
    {
        "advice_code", "code", "decline_code", "doc_url", "hazina", "message", "param",
        "payment_method", "payment_method_type", "request_log_url", "type",
    }
)  # fmt: skip
_OF_THE_MERCHANT = frozenset({"customer", "metadata"})
"""What a payment method says that is nobody's business but the merchant's."""

Retrieve = Callable[[Caller, str, str], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a kind of intent is shown to the holder of its client secret; never its metadata.

    `more` are fields that other intents do not have, `last_error` the one that tells why the last
    attempt failed. `merchants_params` are parameters of a confirmation by which the merchant
    decides: no browser does.
    """

    kind: str
    last_error: str
    more: frozenset[str] = frozenset()
    merchants_params: frozenset[str] = frozenset()

    async def retrieve(
        self, call: Call, retrieve: Retrieve, client_secret: str | None
    ) -> dict[str, Any]:
        """Return the intent if the client secret, where one is sent or needed, is the intent's.

        A publishable key needs it. Refuses `parameter_missing` and `resource_missing`.
        """
        if call.caller.publishable and client_secret is None:
            raise Refusal(
                Code.PARAMETER_MISSING,
                "Missing required param: client_secret. A publishable key needs it.",
                param="client_secret",
            )
        view = await retrieve(call.caller, self.kind, call.ids[0])
        if client_secret is not None and not same(view["client_secret"], client_secret):
            raise Refusal(
                Code.RESOURCE_MISSING,
                f"The client_secret provided does not match the {self.kind.replace('_', ' ')}'s.",
                param="client_secret",
            )
        return view

    async def check_confirmation(self, call: Call, retrieve: Retrieve) -> None:
        """Refuse to confirm for somebody who does not hold the secret, and what he may not decide.

        Takes `client_secret` out of the parameters. Refuses `secret_key_required` and as `retrieve`
        does.
        """
        client_secret = call.params.pop("client_secret", None)
        if client_secret is not None or call.caller.publishable:
            await self.retrieve(call, retrieve, client_secret)
        kept = sorted(self.merchants_params & call.params.keys())
        if kept and call.caller.publishable:
            raise Refusal(
                Code.SECRET_KEY_REQUIRED,
                f"The parameter {kept[0]} is decided with a secret key, by your server. Send it "
                "there when you create or update the intent, and leave it out here.",
                param=kept[0],
            )

    def public(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return an answer, an intent or an error, as a customer's browser may read it."""
        if "error" not in body:
            return self._view(body)
        error = body["error"]
        shown = _error(error)
        if isinstance(error.get(self.kind), dict):
            shown[self.kind] = self._view(error[self.kind])
        return {"error": shown}

    def _view(self, view: dict[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in view.items() if name in _ALWAYS | self.more}
        error = view.get(self.last_error)
        shown[self.last_error] = None if error is None else _error(error)
        return _with_the_method_alone(shown)


def _error(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error without ids and codes that only the merchant has a use for."""
    shown = {name: value for name, value in error.items() if name in _OF_AN_ERROR}
    return _with_the_method_alone(shown)


def _with_the_method_alone(shown: dict[str, Any]) -> dict[str, Any]:
    method = shown.get("payment_method")
    if isinstance(method, dict):
        shown["payment_method"] = without_the_merchants(method)
    return shown


def without_the_merchants(method: dict[str, Any]) -> dict[str, Any]:
    """Return a payment method as a customer's browser may see it."""
    return {name: value for name, value in method.items() if name not in _OF_THE_MERCHANT}
