"""A timeline's page in a real browser: all is readable, nothing runs, nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hazina.timeline.moment import NOT_RECORDED, Kind, Moment, Timeline
from hazina.timeline.page import page
from tests.support.browser import DESKTOP, PHONE, Visitor, chromium, skip_reason

pytestmark = pytest.mark.skipif(skip_reason() is not None, reason=skip_reason() or "")

_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_HOSTILE = "<img src=x onerror=alert(1)> [/b] HTTP 500: " + "x" * 200
_STORY = Timeline(
    "acct_1_test", "pi_1", "succeeded",
    tuple(
        Moment(_AT + timedelta(seconds=kind), kind, f"id_{kind}", f"{kind.name}: {_HOSTILE}",
               NOT_RECORDED if kind is Kind.EVENT else "late reply", {"fence": 2, "sent": {}})
        for kind in Kind
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_moment_is_readable_at_any_size_and_nothing_is_loaded(
    browser: Any, tmp_path: Path, size: dict[str, int]
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(_STORY), encoding="utf-8")
    visitor = Visitor(browser, size)
    visitor.page.goto(file.as_uri())

    assert visitor.heading() == "pi_1: succeeded"
    kinds = [one.lower() for one in visitor.page.locator("li .kind").all_inner_texts()]
    assert kinds == [kind.name.lower() for kind in Kind]
    doors = visitor.page.locator("li .door").all_inner_texts()
    assert set(doors) == {"by late reply", "door not recorded"}
    assert visitor.page.locator("img, script").count() == 0
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (visitor.violations(), visitor.complaints, visitor.hosts) == ([], [], {""})
    visitor.close()
