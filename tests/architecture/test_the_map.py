"""The pages that show the tree name every package that there is."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT

_PACKAGES = sorted(
    {path.relative_to(ROOT / "src" / "hazina").parts[0].removesuffix(".py")
     for path in (ROOT / "src" / "hazina").rglob("*.py")} - {"__init__", "__main__"}
)  # fmt: skip


@pytest.mark.parametrize(
    ("page", "start", "end"),
    [
        ("README.md", "## The tree", "## Read next"),
        ("ARCHITECTURE.md", "## Floors", "## The writer"),
    ],
)
def test_a_map_names_every_package(page: str, start: str, end: str) -> None:
    shown = (ROOT / page).read_text().partition(start)[2].partition(end)[0]
    words = set(shown.replace("`", " ").replace(",", " ").replace("/", " ").split())

    assert [package for package in _PACKAGES if package not in words] == []
