"""The schemas of events: real events are as they say, and what breaks a reader is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from docs_build.event_schemas import ADVICE, breaks, broken, files
from docs_build.pages import REFERENCE
from hazina.events.types import RECORDED

_TEXT: dict[str, Any] = {"type": ["string"]}
_OLD: dict[str, Any] = {
    "type": ["object"],
    "required": ["id"],
    "properties": {"id": _TEXT, "note": {"type": ["string", "null"]}, "tags": {"items": _TEXT}},
}


def _changed(**changes: Any) -> dict[str, Any]:
    return _OLD | changes


def test_what_is_published_is_not_broken() -> None:
    assert broken(files(REFERENCE)) == [], ADVICE


def test_every_event_type_has_a_schema() -> None:
    names = {path.stem for path in files(REFERENCE) if path.parent.name != "objects"}

    assert names == RECORDED.keys()


def test_a_field_may_be_added_and_become_certain() -> None:
    new = _changed(
        required=["id", "note"],
        properties=_OLD["properties"] | {"more": _TEXT, "note": _TEXT},
    )

    assert list(breaks(_OLD, new)) == []


@pytest.mark.parametrize(
    ("new", "word"),
    [
        (_changed(required=[]), "was always there"),
        (_changed(properties={"id": _TEXT, "tags": {"items": _TEXT}}), "not described"),
        (_changed(properties=_OLD["properties"] | {"id": {"type": ["integer"]}}), "may come"),
        (
            _changed(properties=_OLD["properties"] | {"id": {"type": ["string", "null"]}}),
            "may come",
        ),
        (_changed(properties=_OLD["properties"] | {"tags": {"items": {"type": ["null"]}}}), "may"),
        (_changed(properties=_OLD["properties"] | {"id": _TEXT | {"const": "x"}}), "const"),
    ],
)
def test_what_a_reader_relied_on_is_not_taken_away(new: dict[str, Any], word: str) -> None:
    (problem,) = breaks(_OLD, new)

    assert word in problem
