"""What is said of ledger JSON that cannot be read."""

from __future__ import annotations

import pytest

from hazina.ledger import wire


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("amout", "create_transfers[0]: there is no field amout."),
        ("Id", "create_transfers[0]: one of its names is no field; write them as in user_data_64."),
    ],
)
def test_a_name_that_is_no_field_is_refused_in_a_sentence(name: str, said: str) -> None:
    with pytest.raises(wire.WireError) as refused:
        wire.read_transfers([{name: 1}])
    assert str(refused.value) == said
