"""The registry of event types and the code that records them name the same ones."""

from __future__ import annotations

import ast

from hazina.events.types import RECORDED
from hazina.webhooks.event_types import EVENT_TYPES, OWN_EVENT_TYPES
from tests.architecture.source import all_sources

_REGISTRIES = ("src/hazina/events/types.py", "src/hazina/webhooks/event_types.py")


def _named() -> set[str]:
    """Return the event types that stand in the code as strings of their own."""
    return {
        node.value
        for source in all_sources()
        if source.path.startswith("src/hazina/") and source.path not in _REGISTRIES
        for node in (source.nodes if source.is_python else ())
        if isinstance(node, ast.Constant)
        and node.value in EVENT_TYPES
        and isinstance(node.value, str)
    }


def test_every_recorded_type_is_in_the_registry() -> None:
    missing = sorted(_named() - RECORDED.keys())

    assert not missing, f"add {missing} to RECORDED in events/types.py, and run make docs"


def test_the_registry_names_nothing_that_is_never_recorded() -> None:
    assert sorted(RECORDED.keys() - _named()) == []


def test_every_type_is_one_of_stripes_or_named_ours() -> None:
    assert sorted(RECORDED.keys() - EVENT_TYPES) == []
    assert all(name.startswith("hazina.") for name in OWN_EVENT_TYPES)
