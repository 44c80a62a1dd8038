"""Releasing funds: captured money moves from pending to available when its day has come."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hazina.ledger import shapes
from hazina.ledger.chart import AccountCode
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.values import replace


def funds(draft: Draft, charge: Charge) -> None:
    """Move what is left of a charge, unless that was done or more may come or go."""
    if not _ready(charge):
        return
    draft.put(charge, replace(charge, funds="available"))
    _move(draft, charge, _net_minor(charge))


def together(draft: Draft, charges: Sequence[Charge]) -> None:
    """Move what is left of all charges of one currency at once, as `funds` does for one.

    One that was refunded whole leaves less than nothing, the fee: alone it finds nothing to be
    taken from, and the others less than they need, because of it. What the ledger has refused
    under an id it refuses under that id for good, so this has one of its own.
    """
    ready = [charge for charge in charges if _ready(charge)]
    for charge in ready:
        draft.put(charge, replace(charge, funds="available"))
    if ready:
        _move(draft, ready[0], sum(map(_net_minor, ready)), draft.ids.uuid())


def _ready(charge: Charge) -> bool:
    waits = charge.amount_refund_reserved or charge.hold is not None
    return charge.funds == "pending" and not waits


def _net_minor(charge: Charge) -> int:
    return charge.amount_captured - charge.fee - charge.amount_refunded


def _move(draft: Draft, charge: Charge, net_minor: int, transfer_id: UUID | None = None) -> None:
    merchant = draft.merchant
    if net_minor:
        draft.transfers.extend(
            shapes.funds_released(
                charge_id=charge.id, merchant_id=merchant.merchant_id, currency=charge.currency,
                livemode=merchant.livemode, net_minor=net_minor,
                overdraft_minor=merchant.overdraft_minor, transfer_id=transfer_id,
            )
        )  # fmt: skip
        draft.balance_available(
            charge.currency,
            {
                AccountCode.MERCHANT_PENDING: -net_minor,
                AccountCode.MERCHANT_AVAILABLE: net_minor,
            },
        )
