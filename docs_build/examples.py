"""One example request per route, as data; the tests send each in every language.

Only what sends something needs to be written here: reading, listing and deleting follow from the
path. `$name` stands for the id of a thing that MAKERS tells how to make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hazina.api.route import Route

_PAID = {
    "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
    "payment_method_types": ["card"],
}  # fmt: skip
_SOLD = {"price": "$price", "quantity": 2}
_BOOKED = {
    "debit_account_id": "$hazina.ledger_account", "credit_account_id": "$other_ledger_account",
    "amount": 120000, "ledger": 404, "code": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Maker:
    """How the id of a thing comes to be: a request, and where the id is in its answer."""

    route: str
    params: dict[str, Any] = field(default_factory=dict)
    at: str = "id"


@dataclass(frozen=True, slots=True)
class Example:
    """One request: its parameters, and what the ids in its path are if not the usual thing."""

    params: dict[str, Any] = field(default_factory=dict)
    ids: tuple[str, ...] = ()


MAKERS: dict[str, Maker] = {
    "customer": Maker("POST /v1/customers", {"name": "Amina Wanjiru"}),
    "payment_intent": Maker(
        "POST /v1/payment_intents",
        {"amount": 2000, "currency": "usd", "payment_method_types": ["card"]},
    ),
    "held_intent": Maker("POST /v1/payment_intents", _PAID | {"capture_method": "manual"}),
    "incrementable_intent": Maker(
        "POST /v1/payment_intents",
        _PAID
        | {
            "capture_method": "manual",
            "payment_method_options": {
                "card": {"request_incremental_authorization": "if_available"}
            },
        },
    ),
    "charge": Maker("POST /v1/payment_intents", _PAID, "latest_charge"),
    "held_charge": Maker(
        "POST /v1/payment_intents", _PAID | {"capture_method": "manual"}, "latest_charge"
    ),
    "refund": Maker("POST /v1/refunds", {"charge": "$charge", "amount": 500}),
    "balance_transaction": Maker(
        "POST /v1/payment_intents",
        _PAID | {"expand": ["latest_charge"]},
        "latest_charge.balance_transaction",
    ),
    "event": Maker("GET /v1/events", {"limit": 1}, "data.0.id"),
    "webhook_endpoint": Maker(
        "POST /v1/webhook_endpoints", {"url": "https://duka.test/hook", "enabled_events": ["*"]}
    ),
    "hazina.webhook_replay": Maker(
        "POST /v1/hazina/webhook_endpoints/$webhook_endpoint/replay", {"what": "failed"}
    ),
    "payment_method": Maker(
        "POST /v1/payment_methods", {"type": "card", "card": {"token": "tok_visa"}}
    ),
    "attached_method": Maker(
        "POST /v1/payment_methods/$payment_method/attach", {"customer": "$customer"}
    ),
    "token": Maker(
        "POST /v1/tokens",
        {"card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}},
    ),
    "card": Maker("POST /v1/customers/$customer/sources", {"source": "tok_visa"}),
    "product": Maker("POST /v1/products", {"name": "Basket of mangoes"}),
    "price": Maker(
        "POST /v1/prices",
        {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Basket of mangoes"}},
    ),
    "checkout.session": Maker(
        "POST /v1/checkout/sessions",
        {"mode": "payment", "success_url": "https://duka.test/done", "line_items": [_SOLD]},
    ),
    "payment_link": Maker("POST /v1/payment_links", {"line_items": [_SOLD]}),
    "setup_intent": Maker("POST /v1/setup_intents", {"payment_method_types": ["card"]}),
    "account": Maker("GET /v1/account"),
    "made_account": Maker("POST /v1/accounts", {"country": "KE", "email": "duka@example.com"}),
    "hazina.api_key": Maker("POST /v1/hazina/api_keys", {"type": "secret"}),
    "hazina.ledger_account": Maker(
        "POST /v1/ledger/accounts", {"id": "1", "ledger": 404, "code": 1001}
    ),
    "other_ledger_account": Maker(
        "POST /v1/ledger/accounts", {"id": "2", "ledger": 404, "code": 2001}
    ),
    "hazina.ledger_transfer": Maker("POST /v1/ledger/transfers", {"id": "1"} | _BOOKED),
    "test_helpers.test_clock": Maker(
        "POST /v1/test_helpers/test_clocks", {"frozen_time": 1893456000}
    ),
}

EXAMPLES: dict[str, Example] = {
    "POST /v1/payment_intents": Example(_PAID),
    "POST /v1/payment_intents/{id}": Example({"description": "Order 7"}),
    "POST /v1/payment_intents/{id}/confirm": Example({"payment_method": "pm_card_visa"}),
    "POST /v1/payment_intents/{id}/capture": Example({"amount_to_capture": 1500}, ("held_intent",)),
    "POST /v1/payment_intents/{id}/increment_authorization": Example(
        {"amount": 2500}, ("incrementable_intent",)
    ),
    "POST /v1/payment_intents/{id}/cancel": Example({"cancellation_reason": "abandoned"}),
    "GET /v1/payment_intents/search": Example({"query": "status:'succeeded'"}),
    "POST /v1/charges": Example({"amount": 2000, "currency": "usd", "source": "tok_visa"}),
    "POST /v1/charges/{id}": Example({"description": "Order 7"}),
    "POST /v1/charges/{id}/capture": Example(ids=("held_charge",)),
    "GET /v1/charges/search": Example({"query": "amount>1000"}),
    "POST /v1/charges/{id}/refunds": Example({"amount": 500}),
    "POST /v1/refunds": Example({"charge": "$charge", "amount": 500}),
    "POST /v1/refunds/{id}": Example({"metadata": {"order": "7"}}),
    "POST /v1/customers": Example({"name": "Amina Wanjiru", "email": "amina@example.com"}),
    "POST /v1/customers/{id}": Example({"metadata": {"tier": "gold"}}),
    "GET /v1/customers/search": Example({"query": "email:'amina@example.com'"}),
    "POST /v1/customers/{customer}/sources": Example({"source": "tok_visa"}),
    "POST /v1/customers/{customer}/sources/{id}": Example({"exp_year": 2035}),
    "POST /v1/payment_methods": Example(MAKERS["payment_method"].params),
    "POST /v1/payment_methods/{id}": Example(
        {"billing_details": {"name": "Amina Wanjiru"}}, ("attached_method",)
    ),
    "POST /v1/payment_methods/{id}/attach": Example({"customer": "$customer"}),
    "POST /v1/payment_methods/{id}/detach": Example(ids=("attached_method",)),
    "GET /v1/customers/{customer}/payment_methods/{id}": Example(ids=("attached_method",)),
    "POST /v1/tokens": Example(MAKERS["token"].params),
    "POST /v1/products": Example({"name": "Basket of mangoes"}),
    "POST /v1/products/{id}": Example({"active": False}),
    "GET /v1/products/search": Example({"query": "active:'true'"}),
    "POST /v1/prices": Example({"currency": "usd", "unit_amount": 1500, "product": "$product"}),
    "POST /v1/prices/{id}": Example({"nickname": "Harvest"}),
    "GET /v1/prices/search": Example({"query": "currency:'usd'"}),
    "POST /v1/checkout/sessions": Example(MAKERS["checkout.session"].params),
    "POST /v1/checkout/sessions/{id}": Example({"metadata": {"order": "7"}}),
    "POST /v1/payment_links": Example(MAKERS["payment_link"].params),
    "POST /v1/payment_links/{id}": Example({"active": False}),
    "POST /v1/setup_intents": Example(MAKERS["setup_intent"].params),
    "POST /v1/setup_intents/{id}": Example({"description": "Order 7"}),
    "POST /v1/setup_intents/{id}/confirm": Example({"payment_method": "pm_card_visa"}),
    "GET /v1/setup_attempts": Example({"setup_intent": "$setup_intent"}),
    "POST /v1/webhook_endpoints": Example(MAKERS["webhook_endpoint"].params),
    "POST /v1/webhook_endpoints/{id}": Example({"enabled_events": ["refund.failed"]}),
    "POST /v1/hazina/webhook_endpoints/{id}/rotate_secret": Example({"overlap_seconds": 3600}),
    "POST /v1/hazina/webhook_endpoints/{id}/replay": Example({"created": {"gte": 1767225600}}),
    "POST /v1/hazina/webhook_endpoints/{id}/replay_event": Example({"event": "$event"}),
    "POST /v1/accounts": Example(MAKERS["made_account"].params),
    "POST /v1/accounts/{id}": Example({"email": "duka@example.com"}, ("made_account",)),
    "POST /v1/accounts/{id}/reject": Example({"reason": "fraud"}, ("made_account",)),
    "POST /v1/hazina/api_keys": Example({"type": "secret"}),
    "POST /v1/hazina/api_keys/{id}/roll": Example({"grace_seconds": 3600}),
    "POST /v1/ledger/accounts": Example(MAKERS["hazina.ledger_account"].params),
    "POST /v1/ledger/accounts_bulk": Example(
        {"accounts": [{"id": "3", "ledger": 404, "code": 1001}], "atomic": True}
    ),
    "GET /v1/ledger/accounts/{id}/balance": Example(ids=("hazina.ledger_account",)),
    "GET /v1/ledger/accounts/{id}/statement": Example(ids=("hazina.ledger_account",)),
    "POST /v1/ledger/transfers": Example(MAKERS["hazina.ledger_transfer"].params),
    "POST /v1/ledger/transfers_bulk": Example(
        {"transfers": [{"id": "2"} | _BOOKED, {"id": "3"} | _BOOKED]}
    ),
    "POST /v1/test_helpers/test_clocks": Example(MAKERS["test_helpers.test_clock"].params),
    "POST /v1/test_helpers/test_clocks/{id}/advance": Example({"frozen_time": 1893542400}),
}

_OPERATORS = "Only for keys of the account that `HAZINA_OPERATOR_ACCOUNT` names."
WITHOUT = {
    "POST /v1/refunds/{id}/cancel": "No refund can be canceled yet: only one that waits for its "
    "customer could be, and card refunds never do.",
    "GET /v1/events/stream": "The answer has no end: `curl -N` shows it, and `hazina events tail` "
    "reads it.",
    "GET /v1/hazina/inbox": _OPERATORS,
    "POST /v1/hazina/inbox/replay": _OPERATORS,
}
"""Routes of which no example succeeds, and why."""

# What the id after a word in a path is; where a word is missing, what the route answers.
_THINGS = {
    "charges": "charge", "customers": "customer", "sources": "card", "sessions": "checkout.session",
    "payment_links": "payment_link", "webhook_endpoints": "webhook_endpoint",
    "webhook_replays": "hazina.webhook_replay",
}  # fmt: skip
_SAMPLES = {
    "balance_transaction": "txn", "charge": "ch", "checkout.session": "cs_test", "customer": "cus",
    "event": "evt", "hazina.api_key": "key", "payment_intent": "pi", "payment_link": "plink",
    "payment_method": "pm", "product": "prod", "refund": "re", "setup_intent": "seti",
    "account": "acct", "card": "card", "price": "price", "test_helpers.test_clock": "clock",
    "token": "tok", "webhook_endpoint": "we", "hazina.webhook_replay": "whr",
    "hazina.webhook_delivery": "evt", "hazina.webhook_attempt": "wha",
}  # fmt: skip
_NUMBERS = {
    "hazina.ledger_account": "1",
    "other_ledger_account": "2",
    "hazina.ledger_transfer": "1",
}
"""Things whose ids the client chooses."""
_ALIASES = {"intent": "payment_intent", "method": "payment_method"}


def example_of(route: Route) -> Example | None:
    """Return a route's example; None for one that sends something and has none yet."""
    found = EXAMPLES.get(route.name)
    if found is None and not route.params.required:
        found = Example({"limit": 3} if "limit" in route.params.params else {})
    return found


def things_of(route: Route, example: Example) -> tuple[str, ...]:
    """Return the names of the things whose ids stand in the path, in order."""
    if example.ids:
        # The last id is the one that differs; those before it are the usual things.
        return (*_usual(route)[: -len(example.ids)], *example.ids)
    return _usual(route)


def _usual(route: Route) -> tuple[str, ...]:
    parts = route.path.split("/")
    return tuple(
        _THINGS.get(parts[place - 1], route.answers)
        for place, part in enumerate(parts)
        if part.startswith("{")
    )


def sample_id(thing: str) -> str:
    """Return an id as the documentation shows it."""
    if thing in _NUMBERS:
        return _NUMBERS[thing]
    kind = thing if thing in _SAMPLES else thing.rpartition("_")[2]
    prefix = _SAMPLES.get(kind) or _SAMPLES.get(_ALIASES.get(kind, ""), kind)
    return f"{prefix}_123"
