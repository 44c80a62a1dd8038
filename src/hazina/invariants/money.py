"""I10: what customers paid is what merchants have, what we earned and what providers owe us."""

from __future__ import annotations

from collections import Counter

from hazina.invariants.check import Subject
from hazina.ledger.chart import currency_of, is_live

_Pot = tuple[str, str, bool]


async def customer_debits_equal_merchant_credits_and_fees(subject: Subject) -> list[str]:
    """Compare the lines of all balances with the ledger, per merchant, currency and mode."""
    booked: Counter[_Pot] = Counter()
    reserved: Counter[_Pot] = Counter()
    lines: Counter[_Pot] = Counter()
    paid: Counter[_Pot] = Counter()
    earned: Counter[_Pot] = Counter()
    for row in await subject.fetch("invariant_money_by_ledger_and_lines", {}):
        amount, fee = int(row["amount"]), int(row["fee"])
        if row["what"] == "line":
            lines[row["merchant_id"], row["currency"], row["livemode"]] += amount - fee
            paid["", row["currency"], row["livemode"]] += amount
            earned["", row["currency"], row["livemode"]] += fee
            continue
        currency, live = currency_of(row["ledger"]), is_live(row["ledger"])
        match row["what"]:
            case "merchant":
                booked[row["merchant_id"], currency, live] += amount
                reserved[row["merchant_id"], currency, live] += fee
            case "clearing":
                paid["", currency, live] += amount
            case _:
                earned["", currency, live] -= amount
    # What is reserved for a refund is listed once the refund is shown as pending.
    broken = [
        f"{pot}: lines come to {lines[pot]}, the ledger to {booked[pot]}"
        for pot in booked.keys() | lines.keys()
        if not booked[pot] - reserved[pot] <= lines[pot] <= booked[pot]
    ]
    broken += [f"{pot}: our fees differ from the ledger's by {n}" for pot, n in earned.items() if n]
    pending: Counter[_Pot] = Counter()
    for (_, currency, live), amount in reserved.items():
        pending["", currency, live] += amount
    # The provider's account owes what was paid, less refunds that it has yet to make.
    return broken + [
        f"{pot}: clearing differs from the lines by {difference}"
        for pot, difference in paid.items()
        if not -pending[pot] <= difference <= 0
    ]
