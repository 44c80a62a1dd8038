"""The only place where money is rounded."""

from __future__ import annotations


def basis_points_of(amount_minor: int, basis_points: int) -> int:
    """Return that share of an amount in minor units, half a unit rounded up.

    10 000 basis points are the whole. The amount must not be negative.
    """
    assert amount_minor >= 0
    assert basis_points >= 0
    return (amount_minor * basis_points + 5_000) // 10_000
