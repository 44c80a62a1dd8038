"""One sample of each event type: where it stands, and how it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hazina.events.types import RECORDED

FOLDER = Path(__file__).parents[1] / "docs" / "reference" / "event-samples"


class NoSample(Exception):
    """An event type has no sample: `make samples` records them."""


def path_of(name: str) -> Path:
    """Return where the sample of a type stands."""
    return FOLDER / f"{name}.json"


def text_of(sample: dict[str, Any]) -> str:
    """Return a sample as its file holds it."""
    return json.dumps(sample, indent=2, ensure_ascii=False) + "\n"


def demand_all() -> None:
    """See to it that every type has a sample. Raises `NoSample`."""
    if missing := [name for name in sorted(RECORDED) if not path_of(name).exists()]:
        raise NoSample(f"{', '.join(missing)}: play what makes them in tests/support/event_samples")
