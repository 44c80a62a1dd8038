"""The published samples of events are what the product records, one of each type."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docs_build.event_samples import FOLDER, path_of, text_of
from hazina.events.types import RECORDED
from tests.support.direct import direct
from tests.support.event_samples import LaterClock, record

_ADVICE = "run make samples and commit what it changes"


@pytest.mark.timeout(120)
async def test_each_sample_is_what_the_product_records(fresh_database_url: str) -> None:
    """`HAZINA_SAMPLES=record` writes them instead, as `make samples` does."""
    clock = LaterClock()
    async with direct(fresh_database_url, clock=clock) as api:
        samples = await record(api, clock, fresh_database_url)

    assert RECORDED.keys() - samples.keys() == set(), "no flow makes an event of these types"
    assert samples.keys() - RECORDED.keys() == set(), "nobody knows these types"
    recorded = {path_of(name): text_of(sample) for name, sample in samples.items()}
    if os.environ.get("HAZINA_SAMPLES") == "record":
        FOLDER.mkdir(exist_ok=True)
        for path, text in recorded.items():
            path.write_text(text)
    stale = [path.name for path, text in recorded.items() if _read(path) != text]
    assert stale == [], _ADVICE
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in recorded}, _ADVICE


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
