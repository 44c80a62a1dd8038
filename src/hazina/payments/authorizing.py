"""Deciding to ask for an authorization: what unit 1 of a confirmation holds."""

from __future__ import annotations

from typing import Any

from hazina.commands.command import Command, State, issue
from hazina.ledger import shapes
from hazina.merchants.merchant import Merchant
from hazina.metadata import merged as merged_metadata
from hazina.payments.accepting import DEFAULT_TYPES
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.payments.intent import Intent, IntentStatus
from hazina.payments.paying import Paying
from hazina.rails.contract import Operation
from hazina.refusals import Code, Refusal
from hazina.values import replace


def check_chargeable(merchant: Merchant) -> None:
    """Refuse `account_charges_disabled` when the merchant may take no new payments."""
    if not merchant.charges_enabled:
        raise Refusal(
            Code.ACCOUNT_CHARGES_DISABLED,
            f"The account {merchant.account_id} was rejected by its platform and cannot take "
            "payments. What it was paid before can still be refunded; ask the platform.",
        )


def new_intent(draft: Draft, params: dict[str, Any], *, hidden: bool = False) -> Intent:
    """Return a fresh intent; nothing is written yet. Refuses `account_charges_disabled`."""
    check_chargeable(draft.merchant)
    intent_id = draft.ids.new("pi")
    method = params.get("payment_method")
    status = IntentStatus.REQUIRES_CONFIRMATION if method else IntentStatus.REQUIRES_PAYMENT_METHOD
    return Intent(
        merchant_id=draft.merchant.merchant_id, id=intent_id, amount=params["amount"],
        currency=params["currency"], status=status,
        capture_method=params.get("capture_method") or "automatic",
        client_secret=f"{intent_id}_secret_{draft.ids.secret()[:26]}", created=draft.now,
        details=details_of(params, {}), metadata=merged(params, {}),
        customer=params.get("customer"), payment_method=method, hidden=hidden, revision=1,
    )  # fmt: skip


_DETAILS = (
    "automatic_payment_methods", "checkout_session", "confirmation_method", "description",
    "mandate_data",
    "payment_method_options", "payment_method_types", "receipt_email", "return_url",
    "setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix",
    "transfer_group",
)  # fmt: skip


def details_of(params: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Merge what decides nothing (descriptions, addresses) into what was there."""
    sent = {name: params[name] for name in _DETAILS if name in params}
    if sent.get("payment_method_types") == list(DEFAULT_TYPES):
        sent["payment_method_types"] = None
    if "payment_method_options" in sent:
        sent["payment_method_options"] = _options(
            sent["payment_method_options"], old.get("payment_method_options") or {}
        )
    return {k: v for k, v in (old | sent).items() if v is not None} if sent else old


def _options(sent: dict[str, Any] | None, old: dict[str, Any]) -> dict[str, Any] | None:
    """Merge options by payment method type and name; an empty value removes its name."""
    if sent is None:
        return None
    whole = dict(old)
    for kind, options in sent.items():
        whole[kind] = {
            name: value
            for name, value in ((old.get(kind) or {}) | (options or {})).items()
            if value is not None
        }
    return {kind: options for kind, options in whole.items() if options} or None


def merged(params: dict[str, Any], old: dict[str, str]) -> dict[str, str]:
    """Merge metadata, if any was sent. Refuses `parameter_invalid` where too much would remain."""
    return merged_metadata(old, params["metadata"]) if "metadata" in params else old


def authorize(
    draft: Draft,
    intent: Intent,
    *,
    legacy: bool = False,
    customer_absent: bool = False,
    paying: Paying | None = None,
) -> tuple[Intent, Charge, Command]:
    """Open an attempt on an intent that has a payment method: charge, pending transfer, command.

    Adds everything but the intent itself, which the caller adds or puts. Refuses
    `account_charges_disabled`.
    """
    check_chargeable(draft.merchant)
    assert intent.payment_method is not None
    attempt_id = draft.ids.new("ch")
    command_id = draft.ids.new("cmd")
    merchant = draft.merchant
    keep = (
        "description", "mandate_data", "receipt_email", "shipping", "statement_descriptor",
        "transfer_group",
    )  # fmt: skip
    details: dict[str, Any] = {k: intent.details[k] for k in keep if k in intent.details}
    if legacy:
        details["legacy"] = True
    if paying is not None:
        details |= paying.details()
    if "payment_method_options" in intent.details:
        details |= _features(draft, intent)
    charge = Charge(
        merchant_id=merchant.merchant_id, id=attempt_id, payment_intent=intent.id,
        authorize_command=command_id, amount=intent.amount, currency=intent.currency,
        payment_method=intent.payment_method, provider=PROVIDER, clearing_slot=draft.slot,
        created=draft.now, details=details, metadata=intent.metadata if legacy else {},
        customer=intent.customer, version=1,
    )  # fmt: skip
    request = {
        "amount_minor": intent.amount, "currency": intent.currency,
        "payment_method": paying.chosen.behaviour if paying else intent.payment_method,
        "capture": not intent.captured_by_hand,
        "return_url": intent.details.get("return_url"), "metadata": intent.metadata,
    }  # fmt: skip
    if details.get("multicapture") == "available":
        request["several_captures"] = True
    if customer_absent:
        request["customer_absent"] = True
    command = Command(
        merchant.merchant_id, command_id, Operation.AUTHORIZE, PROVIDER, intent.id, attempt_id,
        None, request, State.LEASED, 1, 0, None, 1,
    )  # fmt: skip
    draft.add(charge)
    draft.transfers.extend(
        shapes.authorization(
            attempt_id=attempt_id, merchant_id=merchant.merchant_id, provider=PROVIDER,
            currency=intent.currency, livemode=merchant.livemode, amount_minor=intent.amount,
            slot=draft.slot, overdraft_minor=merchant.overdraft_minor,
        )
    )  # fmt: skip
    opened = replace(
        intent, operation=command_id, operation_kind=Operation.AUTHORIZE.value,
        last_payment_error=None, next_action=None,
    )  # fmt: skip
    return opened, charge, command


def _features(draft: Draft, intent: Intent) -> dict[str, Any]:
    """Return what was asked for with the authorization, and whether the provider can do it."""
    can = draft.capabilities.get(PROVIDER)
    by_hand = can is not None and intent.captured_by_hand
    offered = {
        "multicapture": by_hand and can is not None and can.captures_max > 1,
        "incremental_authorization": by_hand
        and can is not None
        and Operation.INCREMENT in can.operations,
    }
    return {
        name: "available" if there else "unavailable"
        for name, there in offered.items()
        if intent.card_options.get(f"request_{name}") == "if_available"
    }


def command_for(
    draft: Draft,
    operation: Operation,
    charge: Charge,
    amount_minor: int,
    metadata: dict[str, str],
    refund: str | None = None,
) -> Command:
    """Return a command about a charge that the provider knows."""
    return Command(
        charge.merchant_id, draft.ids.new("cmd"), operation, charge.provider,
        charge.payment_intent, charge.id, refund,
        {
            "amount_minor": amount_minor, "currency": charge.currency,
            "subject_reference": charge.authorize_command, "metadata": metadata,
        },
        State.LEASED, 1, 0, None, 1,
    )  # fmt: skip


PROVIDER = "test"
"""The provider account that payments go to; routing among several comes with the second rail."""

__all__ = ["PROVIDER", "authorize", "command_for", "details_of", "issue", "merged", "new_intent"]
