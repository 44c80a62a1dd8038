"""The fee of a payment: the same whether it is captured at once or in parts."""

from __future__ import annotations

import pytest

from hazina.money.rounding import basis_points_of
from hazina.payments.capturing import captured
from tests.unit.payments import builders as b


@pytest.mark.parametrize(
    "parts", [(10_000,), (1,) * 40, (19, 19, 19), (30, 10, 1), (3_333, 3_333, 3_334)]
)
def test_the_fees_of_the_parts_come_to_the_fee_of_the_whole(parts: tuple[int, ...]) -> None:
    charge, drafted = b.authorized(hold="ch_1", capture_before=b.NOW), b.draft()
    for number, amount in enumerate(parts):
        before = charge.fee
        charge = captured(drafted, charge, amount, f"cmd_{number}", final=number == len(parts) - 1)
        assert charge.fee >= before

    assert charge.amount_captured == sum(parts)
    assert charge.fee == basis_points_of(sum(parts), b.MERCHANT.fee_basis_points)
