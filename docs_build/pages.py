"""Which files are generated, and from what; the tests compare them with what is in the tree."""

from __future__ import annotations

from pathlib import Path

from docs_build import (
    compatibility,
    errors,
    event_schemas,
    events,
    promises,
    reference,
    stripe_package,
)

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
SURFACE = ROOT / "src" / "hazina" / "api" / "stripe_surface.txt"


def pages() -> dict[Path, str]:
    """Return the text of every generated file, by its path."""
    surface = stripe_package.surface()
    return {
        SURFACE: stripe_package.text(surface),
        REFERENCE / "errors.md": errors.page(),
        REFERENCE / "events.md": events.page(),
        REFERENCE / "promises.md": promises.page(),
        REFERENCE / "compatibility.md": compatibility.page(surface),
        **event_schemas.files(REFERENCE),
    } | {REFERENCE / "api" / name: text for name, text in reference.pages().items()}


def stale() -> list[Path]:
    """Return the files that differ from what the code says now, and those that nothing makes."""
    made = pages()
    wrong = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    return wrong + [path for path in (REFERENCE / "api").glob("*.md") if path not in made]
