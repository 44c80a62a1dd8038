"""For each route of the API: how to make what it is about, so that others can be sent to aim at it.

A new route gets a row in `ROWS`, and a new kind of object a line in `MAKE`. `{name}` in a path or
a value stands for the id of an object of that name, made first by the same merchant.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Values = dict[str, str]
_CARD = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"}
_AMOUNT = {"amount": "2000", "currency": "kes"}
_PAY = _AMOUNT | {
    "payment_method": "pm_card_bypassPending", "confirm": "true",
    "return_url": "https://duka.test/done",
}  # fmt: skip
_LEDGER = {"ledger": "1", "code": "1"}
_LEDGER_BETWEEN = _LEDGER | {
    "debit_account_id": "{ledger_account}", "credit_account_id": "{other_ledger_account}",
    "amount": "5",
}  # fmt: skip
_CLOCK = {"frozen_time": "1893456000"}
_SEARCH = {"query": "-metadata['never']:'there'"}
_HOOK = "/v1/hazina/webhook_endpoints/{webhook_endpoint}"
_SALE_OF_PRICE = {"line_items[0][price]": "{price}", "line_items[0][quantity]": "1"}
_SALE = _SALE_OF_PRICE | {"mode": "payment"}


@dataclass(frozen=True, slots=True)
class Make:
    """How to make an object: where to post what, and where its id stands in the answer."""

    path: str
    fields: Values = field(default_factory=dict)
    at: str = "id"
    method: str = "POST"


MAKE: dict[str, Make] = {
    "account": Make("/v1/accounts"),
    "api_key": Make("/v1/hazina/api_keys", {"type": "secret"}),
    "balance_transaction": Make(
        "/v1/charges", _AMOUNT | {"source": "tok_visa"}, at="balance_transaction"
    ),
    "card": Make("/v1/customers/{customer}/sources", {"source": "tok_visa"}),
    "charge": Make("/v1/charges", _AMOUNT | {"source": "tok_bypassPending"}),
    "checkout.session": Make(
        "/v1/checkout/sessions", _SALE | {"success_url": "https://duka.test/done"}
    ),
    "customer": Make("/v1/customers", {"name": "Amina"}),
    "event": Make("/v1/events?limit=1&type=customer.created", at="data.0.id", method="GET"),
    "kept_method": Make("/v1/payment_methods/{payment_method}/attach", {"customer": "{customer}"}),
    "ledger_account": Make("/v1/ledger/accounts", _LEDGER | {"id": "7001"}),
    "ledger_transfer": Make("/v1/ledger/transfers", _LEDGER_BETWEEN | {"id": "7201"}),
    "link_item": Make("/v1/payment_links/{payment_link}/line_items", at="data.0.id", method="GET"),
    "other_ledger_account": Make("/v1/ledger/accounts", _LEDGER | {"id": "7002"}),
    "payment_intent": Make("/v1/payment_intents", _AMOUNT),
    "payment_link": Make("/v1/payment_links", _SALE_OF_PRICE),
    "payment_method": Make("/v1/payment_methods", {"type": "card", **_CARD}),
    "price": Make("/v1/prices", {"currency": "kes", "unit_amount": "9", "product": "{product}"}),
    "product": Make("/v1/products", {"name": "Tea"}),
    "refund": Make("/v1/refunds", {"charge": "{charge}", "amount": "100"}),
    "setup_intent": Make("/v1/setup_intents", {"payment_method_types[]": "card"}),
    "setup_attempt": Make(
        "/v1/setup_attempts?setup_intent={tried_setup}", at="data.0.id", method="GET"
    ),
    "tried_setup": Make(
        "/v1/setup_intents",
        {
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "return_url": "https://duka.test/done",
        },
    ),
    "session_item": Make(
        "/v1/checkout/sessions/{checkout.session}/line_items", at="data.0.id", method="GET"
    ),
    "test_helpers.test_clock": Make("/v1/test_helpers/test_clocks", _CLOCK),
    "token": Make("/v1/tokens", _CARD),
    "uncaptured_charge": Make("/v1/charges", _AMOUNT | {"source": "tok_visa", "capture": "false"}),
    "uncaptured_intent": Make("/v1/payment_intents", _PAY | {"capture_method": "manual"}),
    "hazina.webhook_delivery": Make("/v1/hazina/webhook_endpoints/{webhook_endpoint}/test"),
    "webhook_replay": Make(
        "/v1/hazina/webhook_endpoints/{webhook_endpoint}/replay", {"what": "failed"}
    ),
    "webhook_endpoint": Make(
        "/v1/webhook_endpoints", {"url": "https://duka.test/hook", "enabled_events[]": "*"}
    ),
}
NEEDS_FIRST = {"event": "customer"}
"""What must have been made for another to be found."""


@dataclass(frozen=True, slots=True)
class Row:
    """One route: its path with objects in it, and a body with which its owner succeeds.

    `others` are the codes that another merchant and the other mode read when they aim at the
    objects or name them in the body. `publishable` is the code that a publishable key reads, None
    where it is let through; `owner` the code that the owner reads, where the object cannot be in a
    state in which it would succeed.
    """

    path: str
    fields: Values = field(default_factory=dict)
    others: tuple[str, ...] = ("resource_missing",)
    publishable: str | None = "secret_key_required"
    owner: str | None = None
    ids_are_chosen: bool = False
    """Whether clients choose the ids, so that two merchants may well use the same one."""


_ACCOUNT = ("account_invalid",)
_NOT_THE_OPERATOR = ("permission_missing",)
_LEDGER_REFUSED = ("ledger_refused",)
_NOT_IN_LIVE_MODE = ("resource_missing", "not_supported")
ROWS: dict[str, Row] = {
    # Payments
    "POST /v1/payment_intents": Row(
        "/v1/payment_intents", _PAY | {"customer": "{customer}", "payment_method": "{kept_method}"}
    ),
    "GET /v1/payment_intents": Row("/v1/payment_intents"),
    "GET /v1/payment_intents/search": Row("/v1/payment_intents/search", _SEARCH),
    "GET /v1/payment_intents/{id}": Row(
        "/v1/payment_intents/{payment_intent}", publishable="parameter_missing"
    ),
    "POST /v1/payment_intents/{id}": Row(
        "/v1/payment_intents/{payment_intent}", {"description": "x"}
    ),
    "POST /v1/payment_intents/{id}/confirm": Row(
        "/v1/payment_intents/{payment_intent}/confirm",
        {"payment_method": "pm_card_visa"},
        publishable="parameter_missing",
    ),
    "POST /v1/payment_intents/{id}/capture": Row("/v1/payment_intents/{uncaptured_intent}/capture"),
    "POST /v1/payment_intents/{id}/cancel": Row("/v1/payment_intents/{payment_intent}/cancel"),
    "POST /v1/payment_intents/{id}/increment_authorization": Row(
        "/v1/payment_intents/{uncaptured_intent}/increment_authorization",
        {"amount": "3000"},
        owner="payment_intent_unexpected_state",
    ),
    "POST /v1/charges": Row(
        "/v1/charges", _AMOUNT | {"source": "tok_visa", "customer": "{customer}"}
    ),
    "GET /v1/charges": Row("/v1/charges"),
    "GET /v1/charges/search": Row("/v1/charges/search", _SEARCH),
    "GET /v1/charges/{id}": Row("/v1/charges/{charge}"),
    "POST /v1/charges/{id}": Row("/v1/charges/{charge}", {"description": "x"}),
    "POST /v1/charges/{id}/capture": Row("/v1/charges/{uncaptured_charge}/capture"),
    "POST /v1/refunds": Row("/v1/refunds", {"charge": "{charge}"}),
    "GET /v1/refunds": Row("/v1/refunds"),
    "GET /v1/refunds/{id}": Row("/v1/refunds/{refund}"),
    "POST /v1/refunds/{id}": Row("/v1/refunds/{refund}", {"metadata[a]": "1"}),
    "POST /v1/refunds/{id}/cancel": Row(
        "/v1/refunds/{refund}/cancel", owner="refund_not_cancelable"
    ),
    "POST /v1/charges/{id}/refunds": Row("/v1/charges/{charge}/refunds"),
    "GET /v1/charges/{id}/refunds": Row("/v1/charges/{charge}/refunds"),
    # Customers and what they pay with
    "POST /v1/customers": Row("/v1/customers", {"name": "Amina"}),
    "GET /v1/customers": Row("/v1/customers"),
    "GET /v1/customers/search": Row("/v1/customers/search", _SEARCH),
    "GET /v1/customers/{id}": Row("/v1/customers/{customer}"),
    "POST /v1/customers/{id}": Row("/v1/customers/{customer}", {"name": "Zawadi"}),
    "DELETE /v1/customers/{id}": Row("/v1/customers/{customer}"),
    "POST /v1/payment_methods": Row(
        "/v1/payment_methods", {"type": "card", **_CARD}, publishable=None
    ),
    "GET /v1/payment_methods": Row("/v1/payment_methods"),
    "GET /v1/payment_methods/{id}": Row("/v1/payment_methods/{payment_method}"),
    "POST /v1/payment_methods/{id}": Row(
        "/v1/payment_methods/{payment_method}", {"metadata[a]": "1"}
    ),
    "POST /v1/payment_methods/{id}/attach": Row(
        "/v1/payment_methods/{payment_method}/attach", {"customer": "{customer}"}
    ),
    "POST /v1/payment_methods/{id}/detach": Row("/v1/payment_methods/{kept_method}/detach"),
    "GET /v1/customers/{customer}/payment_methods": Row("/v1/customers/{customer}/payment_methods"),
    "GET /v1/customers/{customer}/payment_methods/{id}": Row(
        "/v1/customers/{customer}/payment_methods/{kept_method}"
    ),
    "POST /v1/tokens": Row("/v1/tokens", _CARD, publishable=None),
    "GET /v1/tokens/{id}": Row("/v1/tokens/{token}", publishable=None),
    "POST /v1/customers/{customer}/sources": Row(
        "/v1/customers/{customer}/sources", {"source": "tok_visa"}
    ),
    "GET /v1/customers/{customer}/sources": Row("/v1/customers/{customer}/sources"),
    "GET /v1/customers/{customer}/sources/{id}": Row("/v1/customers/{customer}/sources/{card}"),
    "POST /v1/customers/{customer}/sources/{id}": Row(
        "/v1/customers/{customer}/sources/{card}", {"name": "Amina"}
    ),
    "DELETE /v1/customers/{customer}/sources/{id}": Row("/v1/customers/{customer}/sources/{card}"),
    "POST /v1/setup_intents": Row("/v1/setup_intents", {"customer": "{customer}"}),
    "GET /v1/setup_intents": Row("/v1/setup_intents"),
    "GET /v1/setup_intents/{id}": Row(
        "/v1/setup_intents/{setup_intent}", publishable="parameter_missing"
    ),
    "POST /v1/setup_intents/{id}": Row("/v1/setup_intents/{setup_intent}", {"description": "x"}),
    "POST /v1/setup_intents/{id}/confirm": Row(
        "/v1/setup_intents/{setup_intent}/confirm",
        {"payment_method": "pm_card_visa"},
        publishable="parameter_missing",
    ),
    "POST /v1/setup_intents/{id}/cancel": Row("/v1/setup_intents/{setup_intent}/cancel"),
    "GET /v1/setup_attempts": Row("/v1/setup_attempts", {"setup_intent": "{tried_setup}"}),
    # Catalog
    "POST /v1/products": Row("/v1/products", {"name": "Tea"}),
    "GET /v1/products": Row("/v1/products"),
    "GET /v1/products/search": Row("/v1/products/search", _SEARCH),
    "GET /v1/products/{id}": Row("/v1/products/{product}"),
    "POST /v1/products/{id}": Row("/v1/products/{product}", {"name": "Chai"}),
    "DELETE /v1/products/{id}": Row("/v1/products/{product}"),
    "POST /v1/prices": Row(
        "/v1/prices", {"currency": "kes", "unit_amount": "9", "product": "{product}"}
    ),
    "GET /v1/prices": Row("/v1/prices"),
    "GET /v1/prices/search": Row("/v1/prices/search", _SEARCH),
    "GET /v1/prices/{id}": Row("/v1/prices/{price}"),
    "POST /v1/prices/{id}": Row("/v1/prices/{price}", {"nickname": "x"}),
    # Test clocks
    "POST /v1/test_helpers/test_clocks": Row(
        "/v1/test_helpers/test_clocks", _CLOCK, others=_NOT_IN_LIVE_MODE
    ),
    "GET /v1/test_helpers/test_clocks": Row("/v1/test_helpers/test_clocks"),
    "GET /v1/test_helpers/test_clocks/{id}": Row(
        "/v1/test_helpers/test_clocks/{test_helpers.test_clock}"
    ),
    "DELETE /v1/test_helpers/test_clocks/{id}": Row(
        "/v1/test_helpers/test_clocks/{test_helpers.test_clock}"
    ),
    "POST /v1/test_helpers/test_clocks/{id}/advance": Row(
        "/v1/test_helpers/test_clocks/{test_helpers.test_clock}/advance",
        {"frozen_time": "1893542400"},
    ),
    # Checkout
    "POST /v1/checkout/sessions": Row(
        "/v1/checkout/sessions",
        _SALE | {"success_url": "https://duka.test/done", "customer": "{customer}"},
        others=_NOT_IN_LIVE_MODE,
    ),
    "GET /v1/checkout/sessions": Row("/v1/checkout/sessions"),
    "GET /v1/checkout/sessions/{id}": Row("/v1/checkout/sessions/{checkout.session}"),
    "POST /v1/checkout/sessions/{id}": Row(
        "/v1/checkout/sessions/{checkout.session}", {"metadata[a]": "1"}
    ),
    "POST /v1/checkout/sessions/{id}/expire": Row(
        "/v1/checkout/sessions/{checkout.session}/expire"
    ),
    "GET /v1/checkout/sessions/{id}/line_items": Row(
        "/v1/checkout/sessions/{checkout.session}/line_items"
    ),
    "POST /v1/payment_links": Row("/v1/payment_links", _SALE_OF_PRICE, others=_NOT_IN_LIVE_MODE),
    "GET /v1/payment_links": Row("/v1/payment_links"),
    "GET /v1/payment_links/{id}": Row("/v1/payment_links/{payment_link}"),
    "POST /v1/payment_links/{id}": Row("/v1/payment_links/{payment_link}", {"metadata[a]": "1"}),
    "GET /v1/payment_links/{id}/line_items": Row("/v1/payment_links/{payment_link}/line_items"),
    # Balance and events
    "GET /v1/balance": Row("/v1/balance"),
    "GET /v1/balance_transactions": Row("/v1/balance_transactions"),
    "GET /v1/balance/history": Row("/v1/balance/history"),
    "GET /v1/balance_transactions/{id}": Row("/v1/balance_transactions/{balance_transaction}"),
    "GET /v1/balance/history/{id}": Row("/v1/balance/history/{balance_transaction}"),
    "GET /v1/events": Row("/v1/events"),
    "GET /v1/events/{id}": Row("/v1/events/{event}"),
    "GET /v1/events/stream": Row("/v1/events/stream", {"follow": "false", "after": "{event}"}),
    "POST /v1/webhook_endpoints": Row(
        "/v1/webhook_endpoints", {"url": "https://duka.test/hook", "enabled_events[]": "*"}
    ),
    "GET /v1/webhook_endpoints": Row("/v1/webhook_endpoints"),
    "GET /v1/webhook_endpoints/{id}": Row("/v1/webhook_endpoints/{webhook_endpoint}"),
    "POST /v1/webhook_endpoints/{id}": Row(
        "/v1/webhook_endpoints/{webhook_endpoint}", {"description": "x"}
    ),
    "DELETE /v1/webhook_endpoints/{id}": Row("/v1/webhook_endpoints/{webhook_endpoint}"),
    "POST /v1/hazina/webhook_endpoints/{id}/rotate_secret": Row(f"{_HOOK}/rotate_secret"),
    "POST /v1/hazina/webhook_endpoints/{id}/pause": Row(f"{_HOOK}/pause"),
    "POST /v1/hazina/webhook_endpoints/{id}/resume": Row(f"{_HOOK}/resume"),
    "POST /v1/hazina/webhook_endpoints/{id}/test": Row(f"{_HOOK}/test"),
    "POST /v1/hazina/webhook_endpoints/{id}/replay": Row(f"{_HOOK}/replay", {"what": "failed"}),
    "POST /v1/hazina/webhook_endpoints/{id}/replay_event": Row(
        f"{_HOOK}/replay_event", {"event": "{event}"}
    ),
    "GET /v1/hazina/webhook_endpoints/{id}/deliveries": Row(f"{_HOOK}/deliveries"),
    "GET /v1/hazina/webhook_endpoints/{id}/attempts": Row(f"{_HOOK}/attempts"),
    "GET /v1/hazina/webhook_replays/{id}": Row("/v1/hazina/webhook_replays/{webhook_replay}"),
    # Accounts and keys
    "GET /v1/account": Row("/v1/account"),
    "POST /v1/accounts": Row("/v1/accounts", {"email": "a@duka.test"}),
    "GET /v1/accounts": Row("/v1/accounts", others=_ACCOUNT),
    "GET /v1/accounts/{id}": Row("/v1/accounts/{account}", others=_ACCOUNT),
    "POST /v1/accounts/{id}": Row(
        "/v1/accounts/{account}", {"email": "b@duka.test"}, others=_ACCOUNT
    ),
    "POST /v1/accounts/{id}/reject": Row(
        "/v1/accounts/{account}/reject", {"reason": "fraud"}, others=_ACCOUNT
    ),
    "POST /v1/hazina/api_keys": Row("/v1/hazina/api_keys", {"type": "secret"}),
    "GET /v1/hazina/api_keys": Row("/v1/hazina/api_keys"),
    "GET /v1/hazina/api_keys/{id}": Row("/v1/hazina/api_keys/{api_key}"),
    "POST /v1/hazina/api_keys/{id}/roll": Row("/v1/hazina/api_keys/{api_key}/roll"),
    "POST /v1/hazina/api_keys/{id}/revoke": Row("/v1/hazina/api_keys/{api_key}/revoke"),
    # The operator's, of whom the matrix has none
    "GET /v1/hazina/inbox": Row(
        "/v1/hazina/inbox", others=_NOT_THE_OPERATOR, owner=_NOT_THE_OPERATOR[0]
    ),
    "POST /v1/hazina/inbox/replay": Row(
        "/v1/hazina/inbox/replay", others=_NOT_THE_OPERATOR, owner=_NOT_THE_OPERATOR[0]
    ),
    # Ledgers: ids are the clients' own, so that another merchant may use the same ones.
    "POST /v1/ledger/accounts": Row(
        "/v1/ledger/accounts", _LEDGER | {"id": "7101"}, ids_are_chosen=True
    ),
    "GET /v1/ledger/accounts": Row("/v1/ledger/accounts"),
    "GET /v1/ledger/accounts/{id}": Row("/v1/ledger/accounts/{ledger_account}"),
    "GET /v1/ledger/accounts/{id}/balance": Row("/v1/ledger/accounts/{ledger_account}/balance"),
    "GET /v1/ledger/accounts/{id}/statement": Row("/v1/ledger/accounts/{ledger_account}/statement"),
    "POST /v1/ledger/accounts_bulk": Row(
        "/v1/ledger/accounts_bulk",
        {f"accounts[0][{k}]": v for k, v in _LEDGER.items()} | {"accounts[0][id]": "7102"},
        ids_are_chosen=True,
    ),
    "POST /v1/ledger/transfers": Row(
        "/v1/ledger/transfers", _LEDGER_BETWEEN | {"id": "7301"}, others=_LEDGER_REFUSED
    ),
    "GET /v1/ledger/transfers": Row("/v1/ledger/transfers"),
    "GET /v1/ledger/transfers/{id}": Row("/v1/ledger/transfers/{ledger_transfer}"),
    "POST /v1/ledger/transfers_bulk": Row(
        "/v1/ledger/transfers_bulk",
        {f"transfers[0][{k}]": v for k, v in _LEDGER_BETWEEN.items()}
        | {"transfers[0][id]": "7302", "atomic": "true"},
        others=_LEDGER_REFUSED,
    ),
}

LISTED: dict[str, str] = {
    "hazina.api_key": "api_key",
    # Nothing is delivered here, so that there is no attempt to aim at.
    "hazina.webhook_attempt": "hazina.webhook_delivery",
    "GET /v1/checkout/sessions/{id}/line_items": "session_item",
    "GET /v1/customers/{customer}/payment_methods": "kept_method",
    "GET /v1/payment_links/{id}/line_items": "link_item",
}
"""The object of `MAKE` that a route or a kind of list holds, where it has another name."""
