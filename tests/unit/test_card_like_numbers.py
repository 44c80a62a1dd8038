"""What the check of kept text takes for the number of a card, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hazina.invariants.check import Subject
from hazina.invariants.secrets import no_card_number_is_kept


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4242424242424242", True), ("4242 4242-4242 4242", True),
        ('{"note":"paid with 5555555555554444."}', True), ("card.4242424242424242", True),
        ("4242424242424241", False), ("card_4242424242424242", True),
        ('{"share":"0.4242424242424242"}', False), ("12 4242", False),
    ],
)  # fmt: skip
async def test_only_what_could_be_a_card_is_told_of_and_never_the_number(
    text: str, found: bool
) -> None:
    async def fetch(query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"place": "charge.details", "id": "ch_1", "text": text}]

    broken = await no_card_number_is_kept(Subject(fetch))
    assert broken == (["charge.details of ch_1 holds what looks like a card number"] * found)
