"""Every entry that the product makes, by name, with its accounts.

Merchant accounts are liabilities (credit adds to what we owe), clearing accounts are assets (debit
adds to what a provider owes us). In the T-accounts `(x)` is a pending amount. Each entry has ids
made from its business reference, so that booking it again is a replay and never a second booking.
Charges are booked under the attempt's id, refunds under the refund's (`Transfer.reference`).
"""

from __future__ import annotations

from enum import IntEnum
from uuid import UUID

from hazina.ids import derived
from hazina.ledger import chart
from hazina.ledger.chart import OVERDRAFT_MINOR
from hazina.ledger.types import Account, Transfer, TransferFlag

_POST_LINKED = TransferFlag.POST_PENDING | TransferFlag.LINKED


class TransferCode(IntEnum):
    """Why a transfer moves money. What posts or voids a pending transfer keeps its code."""

    CHARGE = 1
    FEE = 2
    RELEASE = 3
    REFUND = 4
    REFUND_FAILURE = 5


def authorization_transfer_id(hold: str) -> UUID:
    """Return the id of the pending transfer of a hold: the attempt's own, or one that followed."""
    return derived("transfer", "authorization", hold)


def refund_transfer_id(refund_id: str) -> UUID:
    """Return the id of the pending transfer that a refund's reservation makes."""
    return derived("transfer", "refund_reservation", refund_id)


def authorization(
    *,
    attempt_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    amount_minor: int,
    slot: int,
    overdraft_minor: int = OVERDRAFT_MINOR,
    timeout_seconds: int = 0,
    hold: str | None = None,
) -> tuple[Transfer, ...]:
    """Expect an amount from a provider: pending, nobody has it yet.

    `hold` names the pending transfer where it is not the attempt's first: after an increment, or
    for what a capture left over. It is the id of the command that led to it.

    ::

        provider clearing           merchant pending
        (amount) |                           | (amount)
    """
    clearing = chart.provider_clearing(provider, currency, livemode, slot)
    merchant = chart.merchant_pending(merchant_id, currency, livemode, overdraft_minor)
    return (
        Transfer(
            id=authorization_transfer_id(hold or attempt_id),
            debit_account_id=clearing.id,
            credit_account_id=merchant.id,
            amount_minor=amount_minor,
            ledger=clearing.ledger,
            code=TransferCode.CHARGE.value,
            flags=TransferFlag.PENDING,
            timeout_seconds=timeout_seconds,
            reference=attempt_id,
            entry="authorization",
            opens=(clearing, merchant),
        ),
    )


def capture(
    *,
    attempt_id: str,
    operation_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    amount_minor: int,
    fee_minor: int,
    to_available: bool,
    clearing_slot: int,
    slot: int,
    overdraft_minor: int = OVERDRAFT_MINOR,
    hold: str | None = None,
) -> tuple[Transfer, ...]:
    """Post part or all of an authorization, release its remainder, and take our fee.

    `clearing_slot` is the slot that the authorization was booked with, `hold` its pending transfer
    where that is not the attempt's first. With `to_available` the net
    goes on to the available balance at once::

        provider clearing     merchant pending       fee revenue     merchant available
        amount |              fee     | amount           | fee               | amount - fee
        (released)            net     | (released)
    """
    clearing = chart.provider_clearing(provider, currency, livemode, clearing_slot)
    pending = chart.merchant_pending(merchant_id, currency, livemode, overdraft_minor)
    moves_net = to_available and amount_minor != fee_minor
    chain = [
        Transfer(
            id=derived("transfer", "capture", operation_id),
            debit_account_id=clearing.id,
            credit_account_id=pending.id,
            amount_minor=amount_minor,
            ledger=clearing.ledger,
            code=TransferCode.CHARGE.value,
            flags=_POST_LINKED if fee_minor or moves_net else TransferFlag.POST_PENDING,
            pending_id=authorization_transfer_id(hold or attempt_id),
            reference=attempt_id,
            entry="capture",
        )
    ]
    if fee_minor:
        revenue = chart.fee_revenue(currency, livemode, slot)
        chain.append(
            Transfer(
                id=derived("transfer", "capture_fee", operation_id),
                debit_account_id=pending.id,
                credit_account_id=revenue.id,
                amount_minor=fee_minor,
                ledger=clearing.ledger,
                code=TransferCode.FEE.value,
                flags=TransferFlag.LINKED if moves_net else TransferFlag.NONE,
                reference=attempt_id,
                entry="capture",
                opens=(revenue,),
            )
        )
    if moves_net:
        transfer_id = derived("transfer", "capture_release", operation_id)
        available = chart.merchant_available(merchant_id, currency, livemode, overdraft_minor)
        net_minor = amount_minor - fee_minor
        chain.append(_release(transfer_id, pending, available, net_minor, attempt_id, "capture"))
    return tuple(chain)


def void(
    *,
    attempt_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    clearing_slot: int,
    hold: str | None = None,
) -> tuple[Transfer, ...]:
    """Give up what is left of an authorization: declined, canceled, expired or never sent.

    ::

        provider clearing           merchant pending
        (released) |                         | (released)
    """
    clearing = chart.provider_clearing(provider, currency, livemode, clearing_slot)
    merchant = chart.merchant_pending(merchant_id, currency, livemode)
    return (
        Transfer(
            id=derived("transfer", "void", hold or attempt_id),
            debit_account_id=clearing.id,
            credit_account_id=merchant.id,
            amount_minor=None,
            ledger=clearing.ledger,
            code=TransferCode.CHARGE.value,
            flags=TransferFlag.VOID_PENDING,
            pending_id=authorization_transfer_id(hold or attempt_id),
            reference=attempt_id,
            entry="void",
        ),
    )


def refund_reservation(
    *,
    refund_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    amount_minor: int,
    from_available: bool,
    slot: int,
    overdraft_minor: int = OVERDRAFT_MINOR,
) -> tuple[Transfer, ...]:
    """Set a refund's amount aside before the provider is asked; refused past the overdraft.

    ::

        merchant pending or available       provider clearing
        (amount) |                                   | (amount)
    """
    merchant = _merchant(merchant_id, currency, livemode, from_available, overdraft_minor)
    clearing = chart.provider_clearing(provider, currency, livemode, slot)
    return (
        Transfer(
            id=refund_transfer_id(refund_id),
            debit_account_id=merchant.id,
            credit_account_id=clearing.id,
            amount_minor=amount_minor,
            ledger=clearing.ledger,
            code=TransferCode.REFUND.value,
            flags=TransferFlag.PENDING,
            reference=refund_id,
            entry="refund_reservation",
            opens=(merchant, clearing),
        ),
    )


def refund_posted(
    *,
    refund_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    from_available: bool,
    clearing_slot: int,
) -> tuple[Transfer, ...]:
    """Book a refund that the provider made; `clearing_slot` is the reservation's.

    ::

        merchant pending or available       provider clearing
        amount |                                     | amount
        (released)                                   | (released)
    """
    return (
        _refund_resolved(
            "refund_posted",
            TransferFlag.POST_PENDING,
            refund_id,
            _merchant(merchant_id, currency, livemode, from_available, OVERDRAFT_MINOR),
            chart.provider_clearing(provider, currency, livemode, clearing_slot),
        ),
    )


def refund_voided(
    *,
    refund_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    from_available: bool,
    clearing_slot: int,
) -> tuple[Transfer, ...]:
    """Give the amount back to the merchant when the provider did not make the refund.

    ::

        merchant pending or available       provider clearing
        (released) |                                 | (released)
    """
    return (
        _refund_resolved(
            "refund_voided",
            TransferFlag.VOID_PENDING,
            refund_id,
            _merchant(merchant_id, currency, livemode, from_available, OVERDRAFT_MINOR),
            chart.provider_clearing(provider, currency, livemode, clearing_slot),
        ),
    )


def refund_failure(
    *,
    refund_id: str,
    merchant_id: str,
    provider: str,
    currency: str,
    livemode: bool,
    amount_minor: int,
    from_available: bool,
    slot: int,
    overdraft_minor: int = OVERDRAFT_MINOR,
) -> tuple[Transfer, ...]:
    """Return the money of a refund that was booked and failed afterwards.

    ::

        provider clearing       merchant pending or available
        amount |                         | amount
    """
    merchant = _merchant(merchant_id, currency, livemode, from_available, overdraft_minor)
    clearing = chart.provider_clearing(provider, currency, livemode, slot)
    return (
        Transfer(
            id=derived("transfer", "refund_failure", refund_id),
            debit_account_id=clearing.id,
            credit_account_id=merchant.id,
            amount_minor=amount_minor,
            ledger=clearing.ledger,
            code=TransferCode.REFUND_FAILURE.value,
            reference=refund_id,
            entry="refund_failure",
            opens=(clearing, merchant),
        ),
    )


def funds_released(
    *,
    charge_id: str,
    merchant_id: str,
    currency: str,
    livemode: bool,
    net_minor: int,
    overdraft_minor: int = OVERDRAFT_MINOR,
    transfer_id: UUID | None = None,
) -> tuple[Transfer, ...]:
    """Make what is left of a charge available for payout; nothing for a net of zero.

    An id of its own is for what several charges have left together, of which `charge_id` is the
    first. A negative net (refunds and fee above the capture) moves the other way::

        merchant pending            merchant available
        net |                                | net
    """
    if net_minor == 0:
        return ()
    return (
        _release(
            transfer_id or derived("transfer", "funds_released", charge_id),
            chart.merchant_pending(merchant_id, currency, livemode, overdraft_minor),
            chart.merchant_available(merchant_id, currency, livemode, overdraft_minor),
            net_minor,
            charge_id,
            "funds_released",
        ),
    )


def _merchant(
    merchant_id: str, currency: str, livemode: bool, available: bool, overdraft_minor: int
) -> Account:
    account = chart.merchant_available if available else chart.merchant_pending
    return account(merchant_id, currency, livemode, overdraft_minor)


def _refund_resolved(
    entry: str, flag: TransferFlag, refund_id: str, merchant: Account, clearing: Account
) -> Transfer:
    return Transfer(
        id=derived("transfer", entry, refund_id),
        debit_account_id=merchant.id,
        credit_account_id=clearing.id,
        amount_minor=None,
        ledger=clearing.ledger,
        code=TransferCode.REFUND.value,
        flags=flag,
        pending_id=refund_transfer_id(refund_id),
        reference=refund_id,
        entry=entry,
    )


def _release(
    transfer_id: UUID,
    pending: Account,
    available: Account,
    net_minor: int,
    reference: str,
    entry: str,
) -> Transfer:
    debit, credit = (pending, available) if net_minor > 0 else (available, pending)
    return Transfer(
        id=transfer_id,
        debit_account_id=debit.id,
        credit_account_id=credit.id,
        amount_minor=abs(net_minor),
        ledger=pending.ledger,
        code=TransferCode.RELEASE.value,
        reference=reference,
        entry=entry,
        opens=(pending, available),
    )
