"""Which objects an answer may hold, and what the annotations of their classes cannot say.

Each table gives its reason.
"""

from __future__ import annotations

from typing import Literal

import stripe
from stripe import StripeObject

EXTENSION = "hazina"

Presence = Literal["required", "nullable", "absent", "either"]

CLASSES: dict[str, type[StripeObject]] = {
    "account": stripe.Account,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "card": stripe.Card,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "event": stripe.Event,
    "item": stripe.LineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_link": stripe.PaymentLink,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "setup_attempt": stripe.SetupAttempt,
    "setup_intent": stripe.SetupIntent,
    "token": stripe.Token,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "webhook_endpoint": stripe.WebhookEndpoint,
}
# Objects that Stripe does not have: every field that is always sent, and those sent sometimes.
OWN: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "hazina.api_key": (
        frozenset(
            {"id", "object", "created", "expires_at", "last4", "livemode", "name", "scopes",
             "status", "type"}
        ),
        frozenset({"secret"}),
    ),
    "hazina.inbox": (frozenset({"object", "data"}), frozenset({"counts"})),
    "hazina.ledger_account": (
        frozenset(
            {"id", "object", "available", "code", "credits_pending", "credits_posted",
             "debits_pending", "debits_posted", "flags", "ledger", "metadata", "overdraft",
             "timestamp", "user_data_128", "user_data_32", "user_data_64"}
        ),
        frozenset(),
    ),
    "hazina.webhook_attempt": (
        frozenset(
            {"id", "object", "answer", "created", "delivered", "endpoint", "event", "latency_ms",
             "livemode", "number", "problem", "response_status"}
        ),
        frozenset(),
    ),
    "hazina.webhook_delivery": (
        frozenset(
            {"id", "object", "attempts", "created", "endpoint", "event", "last_answer",
             "livemode", "next_attempt_at", "status"}
        ),
        frozenset(),
    ),
    "hazina.webhook_replay": (
        frozenset(
            {"id", "object", "created", "endpoint", "livemode", "replayed", "status", "what"}
        ),
        frozenset(),
    ),
    "hazina.ledger_account_bulk": (frozenset({"object", "data"}), frozenset()),
    "hazina.ledger_balance": (
        frozenset(
            {"object", "account", "at", "available", "credits_pending", "credits_posted",
             "debits_pending", "debits_posted"}
        ),
        frozenset(),
    ),
    "hazina.ledger_statement": (
        frozenset(
            {"object", "account", "closing_balance", "data", "has_more", "next_page",
             "opening_balance"}
        ),
        frozenset(),
    ),
    "hazina.ledger_transfer": (
        frozenset(
            {"id", "object", "amount", "code", "credit_account_id", "debit_account_id", "flags",
             "ledger", "metadata", "pending_id", "reference", "timeout", "timestamp",
             "user_data_128", "user_data_32", "user_data_64"}
        ),
        frozenset(),
    ),
    "hazina.ledger_transfer_bulk": (frozenset({"object", "data"}), frozenset()),
}  # fmt: skip
# Clients tell objects apart by these; the annotations say only `str`.
ID_PREFIXES = {
    "account": "acct_",
    "balance_transaction": "txn_",
    "card": "card_",
    "charge": "ch_",
    "checkout.session": "cs_",
    "customer": "cus_",
    "event": "evt_",
    "item": "li_",
    "payment_intent": "pi_",
    "payment_link": "plink_",
    "payment_method": "pm_",
    "price": "price_",
    "refund": "re_",
    "setup_attempt": "setatt_",
    "setup_intent": "seti_",
    "token": "tok_",
    "test_helpers.test_clock": "clock_",
    "webhook_endpoint": "we_",
}

# Cards that customers keep as sources are payment methods under the same id.
ALSO_PREFIXES = {"payment_method": ("card_",)}

# The annotation is `str`; the field's documentation lists the values.
DOCUMENTED_VALUES: dict[tuple[str, str], frozenset[str]] = {
    ("BalanceTransaction", "status"): frozenset({"available", "pending"}),
    ("ErrorObject", "type"): frozenset(
        {"api_error", "card_error", "idempotency_error", "invalid_request_error"}
    ),
    ("Refund", "status"): frozenset(
        {"pending", "requires_action", "succeeded", "failed", "canceled"}
    ),
    ("WebhookEndpoint", "status"): frozenset({"enabled", "disabled"}),
    ("SetupAttempt", "status"): frozenset(
        {
            "requires_confirmation",
            "requires_action",
            "processing",
            "succeeded",
            "failed",
            "abandoned",
        }
    ),
    ("SetupIntent.NextAction", "type"): frozenset({"redirect_to_url", "use_stripe_sdk"}),
    ("SetupIntent", "usage"): frozenset({"on_session", "off_session"}),
    ("PaymentIntent.NextAction", "type"): frozenset(
        {"display_bank_transfer_instructions", "redirect_to_url", "use_stripe_sdk"}
    ),
}

# The types allow their absence, but clients read these of every customer without asking, and an
# absent attribute is an exception in the Python package.
ALWAYS_SENT: dict[tuple[str, str], Presence] = {
    ("Customer", "address"): "nullable",
    ("Customer", "metadata"): "required",
    ("Customer", "name"): "nullable",
    ("Customer", "phone"): "nullable",
}

# Sent only by the request that makes the object.
CREATION_ONLY = {("WebhookEndpoint", "secret")}

# A live object never carries `deleted`; a deleted one is these three fields and nothing else.
DELETED_FIELDS = {"id", "object", "deleted"}
