"""A flow of the matrix: how a process is brought into it, and what must come of it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import ModuleType

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix import flows

FOLDERS = "HAZINA_FLOWS"
"""Names a further folder of flows, as a path."""


class Place(StrEnum):
    """What is true of a flow when its process dies at a boundary."""

    BEFORE = "before"
    """Nothing was asked for yet: the client's next try begins it."""
    COMMITTED = "committed"
    """What will be asked of the provider is committed, and was not sent."""
    REPLIED = "replied"
    """The provider was asked; what it said is not applied."""
    APPLIED = "applied"
    """The outcome is committed, and the answer with it."""
    ASKING = "asking"
    """Another process was asking what became of it."""
    TOLD = "told"
    """The provider's callback was stored and not acknowledged."""


SHARED = {
    "dispatch.before_inquiry": Place.ASKING,
    "dispatch.after_inquiry": Place.ASKING,
    "dispatch.before_report": Place.ASKING,
    "callbacks.after_storing": Place.TOLD,
}
"""Boundaries that every flow passes that asks something of a provider."""


@dataclass(frozen=True, slots=True)
class End:
    """How a flow ends: the status of its object, and the events that are told of it, once each."""

    status: str
    told: tuple[str, ...] = ()


Prepare = Callable[[Core, Caller, str, dict[str, str]], Awaitable[str]]
"""Brings an object to where the flow is next; gets the cell's name and the metadata that the object
must carry from then on, and returns the object's id (empty if the flow makes it)."""
Perform = Callable[[Core, Caller, str, dict[str, str], IdempotencyRequest], Awaitable[Answer]]
"""Does the flow once, under the key, as a client would; may be called again and again."""

OF_INTENT = "SELECT id AS subject, status FROM payment_intent WHERE metadata->>'cell' = %(cell)s"
OF_REFUND = (
    "SELECT i.id AS subject, r.status FROM payment_intent i "
    "LEFT JOIN refund r ON r.merchant_id = i.merchant_id AND r.payment_intent = i.id "
    "WHERE i.metadata->>'cell' = %(cell)s"
)
OF_CHARGE = (
    "SELECT payment_intent AS subject, status FROM charge WHERE metadata->>'cell' = %(cell)s"
)
OF_SETUP = "SELECT id AS subject, status FROM setup_intent WHERE metadata->>'cell' = %(cell)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One flow. docs/guides/add-a-flow.md says how to write one."""

    name: str
    places: Mapping[str, Place]
    """The boundaries on its own way, and what is true there."""
    prepare: Prepare
    perform: Perform
    done: End
    failed: End
    sends: str | None = None
    """What it asks of the provider, in the simulator's words; None if it asks nothing."""
    owed: bool = False
    """Whether it is sent again when it is proved not to have happened."""
    declined: str | None = None
    """The code that the client reads when the provider declines."""
    refused: str | None = "processing_error"
    """The code that the client reads when the provider refuses the request itself."""
    unknown: str = "processing"
    """The status that the client reads while nobody knows."""
    waits: str | None = None
    """The status that the client reads where the provider has taken it and its outcome comes later;
    None where the outcome comes with the answer."""
    at_first: str | None = None
    """The status that it has at first where it fails by itself later, of which the provider tells
    by callback alone; None where what succeeded stays so."""
    fails_with: str | None = None
    """The code of the refusal in which it ends although the provider had taken it."""
    cardholder: str = "complete"
    """What the customer does who is asked to authenticate: `complete` or `fail`."""
    decides_after: str | None = None
    """The operation of ours that has ended before the customer decides; None if they decide at
    once."""
    found_by: str = OF_INTENT
    """Finds the one object of a cell: `subject`, as its commands name it, and `status`."""
    earlier: int = 0
    """How many commands of the same kind the object has from before."""
    alone: bool = False
    """Whether processes of this flow would do each other's work, so that each runs by itself."""
    replays: bool = True
    """Whether the client has a key, under which it reads the same bytes for ever."""


@cache
def all_flows() -> tuple[Flow, ...]:
    """Return the flows of every file in `flows`, and of the folder that the environment names."""
    modules = [
        importlib.import_module(f"{flows.__name__}.{found.name}")
        for found in pkgutil.iter_modules(flows.__path__)
    ]
    further = os.environ.get(FOLDERS)
    if further:
        modules += [_load(file) for file in sorted(Path(further).glob("*.py"))]
    found = [flow for module in modules for flow in module.FLOWS]
    assert len({flow.name for flow in found}) == len(found), "two flows have one name"
    return tuple(found)


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"further_flow_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
