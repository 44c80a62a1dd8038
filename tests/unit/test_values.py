"""Values of the hot path can be copied with changes, and say which field they lack."""

from __future__ import annotations

import pytest

from hazina.values import replace, value


@value
class _Single:
    only: int


def test_a_value_with_one_field_can_be_replaced() -> None:
    assert replace(_Single(1), only=2) == _Single(2)


@value
class _Pair:
    left: int
    right: str = "r"


def test_a_copy_differs_in_the_named_fields_only() -> None:
    assert replace(_Pair(1), left=2) == _Pair(2, "r")


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="no field centre"):
        replace(_Pair(1), centre=3)  # type: ignore[call-arg]
