"""Releasing funds: captured money moves from pending to available when its day has come."""

from __future__ import annotations

from hazina.ledger import shapes
from hazina.ledger.chart import AccountCode
from hazina.payments.charge import Charge
from hazina.payments.draft import Draft
from hazina.values import replace


def funds(draft: Draft, charge: Charge) -> None:
    """Move what is left of a charge, unless that was done or more may come or go."""
    if charge.funds != "pending" or charge.amount_refund_reserved or charge.hold is not None:
        return
    merchant = draft.merchant
    net_minor = charge.amount_captured - charge.fee - charge.amount_refunded
    draft.put(charge, replace(charge, funds="available"))
    if net_minor:
        draft.transfers.extend(
            shapes.funds_released(
                charge_id=charge.id, merchant_id=merchant.merchant_id, currency=charge.currency,
                livemode=merchant.livemode, net_minor=net_minor,
                overdraft_minor=merchant.overdraft_minor,
            )
        )  # fmt: skip
        draft.balance_available(
            charge.currency,
            {
                AccountCode.MERCHANT_PENDING: -net_minor,
                AccountCode.MERCHANT_AVAILABLE: net_minor,
            },
        )
