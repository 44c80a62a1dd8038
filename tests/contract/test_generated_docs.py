"""What `make docs` makes is in the tree as the code would make it now."""

from __future__ import annotations

from docs_build.pages import ROOT, stale


def test_no_generated_file_is_stale() -> None:
    names = [str(path.relative_to(ROOT)) for path in stale()]

    assert names == [], f"{', '.join(names)}: run make docs and commit what it changes"
