"""What is said of ledger JSON that cannot be read."""

from __future__ import annotations

import pytest

from hazina.ledger import wire


def test_a_list_is_asked_for_and_too_long_a_one_counted() -> None:
    for sent, said in (
        ({}, "create_transfers: send a list."),
        (None, "create_transfers: send a list."),
        ([{}] * 8190, "create_transfers: send at most 8189 at once, not 8190."),
    ):
        with pytest.raises(wire.WireError) as refused:
            wire.read_transfers(sent)
        assert str(refused.value) == said


def test_reserved_parts_of_a_filter_are_read_and_make_it_invalid() -> None:
    """They are wider than those of an account, and a filter that breaks a constraint finds nothing.

    Source: docs.tigerbeetle.com, reference/query-filter and reference/account-filter.
    """
    for sent in ({"reserved": 2**40}, {"flags": 1 << 31}, {"flags": 65536}):
        assert not wire.read_query_filter({"limit": 1, **sent}).valid()
        assert not wire.read_account_filter({"account_id": 1, "limit": 1, **sent}).valid()
    for sent in ({"flags": 1 << 32}, {"flags": -1}, {"flags": True}):
        with pytest.raises(wire.WireError):
            wire.read_query_filter(sent)


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
