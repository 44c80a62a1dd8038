"""Scopes of restricted keys: which resources they may read or write."""

from __future__ import annotations

from collections.abc import Mapping

RESOURCES = (
    "accounts", "balance", "balance_transactions", "callbacks", "charges", "checkout_sessions",
    "customers",
    "events", "ledger_accounts", "ledger_transfers", "payment_intents", "payment_links",
    "payment_methods", "prices", "products", "refunds", "setup_intents", "sources", "test_clocks",
    "tokens", "webhook_endpoints",
)  # fmt: skip
"""Everything that a scope can be given for; API keys are not among them, on purpose: a restricted
key could otherwise make itself a better one."""
_OTHER_RESOURCES = {
    "card": "sources", "invoice_settings": "customers", "item": "checkout_sessions",
    "setup_attempt": "setup_intents", "hazina.inbox": "callbacks",
    "hazina.ledger_balance": "ledger_accounts",
    "hazina.ledger_statement": "ledger_accounts", "hazina.ledger_account_bulk": "ledger_accounts",
    "hazina.ledger_transfer_bulk": "ledger_transfers",
    "hazina.webhook_attempt": "webhook_endpoints", "hazina.webhook_delivery": "webhook_endpoints",
    "hazina.webhook_replay": "webhook_endpoints",
}  # fmt: skip
LEVELS = ("none", "read", "write")


def resource_of(kind: str) -> str:
    """Return the resource that objects of a kind belong to: `payment_intent`, `payment_intents`."""
    if kind in _OTHER_RESOURCES:
        return _OTHER_RESOURCES[kind]
    name = kind.removeprefix("test_helpers.").removeprefix("hazina.").replace(".", "_")
    return name if name == "balance" or name.endswith("s") else f"{name}s"


def allows(scopes: Mapping[str, str], resource: str, write: bool) -> bool:
    """Say whether scopes suffice; to write includes to read."""
    level = scopes.get(resource, "none")
    return level == "write" or (level == "read" and not write)
