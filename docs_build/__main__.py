"""Writes every generated file; `make docs` runs it."""

from __future__ import annotations

from docs_build import event_schemas
from docs_build.pages import REFERENCE, pages


def main() -> None:
    """Write what is generated, and remove what nothing makes any more.

    Schemas of events that would break their readers are not written.
    """
    made = pages()
    if broken := event_schemas.broken(made):
        raise SystemExit("\n".join([*broken, event_schemas.ADVICE]))
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (REFERENCE / "api").glob("*.md"):
        if path not in made:
            path.unlink()


if __name__ == "__main__":
    main()
