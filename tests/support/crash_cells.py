"""Cells of the crash matrix: where a process dies, in which operation, with which provider fault.

Each cell also says what must come of it, whatever happened on the way.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import random
import time
from dataclasses import dataclass

from hazina.crashpoints import POINTS

OPERATIONS = ("create", "confirm", "capture", "cancel", "refund", "increment", "finish")
"""`finish` is the last of several captures."""
FAULTS = ("ok", "decline", "timeout_before_effect", "timeout_after_effect", "slow")
"""`slow` has its effect only after the client gave up, and has been told "not found"."""

_NOT_OWED = ("create", "confirm", "increment")
_SHARE = 24
_DONE = {"create": "succeeded", "confirm": "succeeded", "capture": "succeeded",
         "cancel": "canceled", "refund": "succeeded", "increment": "requires_capture",
         "finish": "succeeded"}  # fmt: skip
_NOT_DONE = {"create": "requires_payment_method", "confirm": "requires_payment_method",
             "capture": "requires_capture", "cancel": "requires_capture",
             "refund": "failed", "increment": "requires_capture",
             "finish": "requires_capture"}  # fmt: skip
_REFUSED = {"create": "card_declined", "confirm": "card_declined", "capture": "processing_error",
            "cancel": "processing_error", "refund": None, "increment": "card_declined",
            "finish": "processing_error"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One life and death of a process."""

    point: str
    operation: str
    fault: str

    @property
    def name(self) -> str:
        return f"{self.point}-{self.operation}-{self.fault}"

    @property
    def in_time(self) -> bool:
        """Whether the provider answers before the client gives up."""
        return self.fault in ("ok", "decline")

    @property
    def applies(self) -> bool:
        """An authorization or increment that never arrived is not told of by callback."""
        silent = self.operation in _NOT_OWED and self.fault == "timeout_before_effect"
        return not (self.point.startswith("callbacks.") and silent)

    @property
    def effect(self) -> bool:
        """Whether the provider does it in the end."""
        if self.fault == "decline":
            return False
        if self.operation in _NOT_OWED:
            # What never reached the provider failed; other operations are owed and sent again.
            never_sent = self.point == "payments.after_first_unit"
            return not never_sent and self.fault != "timeout_before_effect"
        return True

    @property
    def final(self) -> str:
        """The status of the intent, or of the refund, once all has settled."""
        return (_DONE if self.effect else _NOT_DONE)[self.operation]

    @property
    def read_alive(self) -> tuple[str | None, str | None]:
        """Code and status that the client reads from a process that does not die."""
        if self.fault == "decline":
            return _REFUSED[self.operation], _NOT_DONE[self.operation]
        if self.fault == "ok":
            return None, _DONE[self.operation]
        return None, "pending" if self.operation == "refund" else "processing"

    @property
    def answered(self) -> bool | None:
        """Whether the answer was stored before the process died; None if it is left to chance."""
        match self.point:
            case "payments.after_second_unit":
                return True
            case "payments.after_first_unit" | "payments.after_reply":
                return False
            case "callbacks.after_storing":
                return None
            case _:
                # A process that was answered in time dies; the others live to see the inquiry.
                return not self.in_time


def all_cells() -> list[Cell]:
    """Return every cell; a boundary that is registered cannot be left out."""
    cells = itertools.starmap(Cell, itertools.product(POINTS, OPERATIONS, FAULTS))
    return [cell for cell in cells if cell.applies]


def chosen_cells() -> list[Cell]:
    """Return all cells if HAZINA_FAULTS=whole, those that HAZINA_CELLS names, or else a sample.

    A sample holds at least one cell of each boundary, and is repeated with HAZINA_SEED.
    """
    cells = all_cells()
    patterns = os.environ.get("HAZINA_CELLS")
    if patterns:
        named = [c for c in cells if any(fnmatch.fnmatch(c.name, p) for p in patterns.split(","))]
        assert named, f"HAZINA_CELLS names no cell: {patterns}"
        return named
    if os.environ.get("HAZINA_FAULTS") == "whole":
        return cells
    seed = int(os.environ.get("HAZINA_SEED") or time.time_ns() % 1_000_000)
    print(f"HAZINA_SEED={seed}")
    chance = random.Random(seed)
    each = [chance.choice([c for c in cells if c.point == point]) for point in POINTS]
    return each + chance.sample([c for c in cells if c not in each], _SHARE - len(each))
