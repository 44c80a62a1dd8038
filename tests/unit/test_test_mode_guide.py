"""The guide to test mode names what exists, and all faults."""

from __future__ import annotations

import re
from pathlib import Path

from hazina.connectors.sandbox.simulator.faults import FAULTS
from hazina.payment_methods.test_ibans import all_ibans
from hazina.payment_methods.test_methods import all_methods

_GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "test-mode.md"


def test_every_payment_method_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"`(pm_card_\w+|tok_\w+)`", _GUIDE.read_text()))
    assert len(named) > 15
    assert sorted(named - all_methods().keys()) == []


def test_every_iban_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"`(DE\d{20})`", _GUIDE.read_text()))
    assert len(named) == 8
    assert sorted(named - all_ibans().keys()) == []


def test_the_guide_explains_every_fault_and_no_other() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", _GUIDE.read_text(), re.MULTILINE))
    assert rows == FAULTS
