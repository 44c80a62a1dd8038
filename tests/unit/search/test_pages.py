"""Page tokens are good for one merchant, one resource and one query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hazina.refusals import Refusal
from hazina.search.pages import PageTokens

TOKENS = PageTokens(b"key")


@given(st.text(), st.sampled_from(["pi_1", "pi_2x"]))
def test_a_token_names_the_object_that_its_page_ended_with(query: str, last_id: str) -> None:
    token = TOKENS.make("acct_1", "charge", query, last_id)
    assert TOKENS.read("acct_1", "charge", query, token) == last_id
    assert last_id not in token


@pytest.mark.parametrize(
    "other",
    [("acct_2", "charge", "q"), ("acct_1", "customer", "q"), ("acct_1", "charge", "q2")],
)
def test_a_token_is_refused_elsewhere(other: tuple[str, str, str]) -> None:
    token = TOKENS.make("acct_1", "charge", "q", "ch_1")
    with pytest.raises(Refusal) as caught:
        TOKENS.read(*other, token)
    assert caught.value.param == "page"


@given(st.text(max_size=50))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Refusal):
        TOKENS.read("acct_1", "charge", "q", token)
