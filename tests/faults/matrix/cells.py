"""Cells of the crash matrix: where a process dies, in which flow, under which behaviour.

Each cell also says what must come of it, whatever happened on the way.
"""

from __future__ import annotations

import fnmatch
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from hazina import crashpoints
from tests.faults.matrix.behaviours import BEHAVIOURS, OK, Behaviour, Says
from tests.faults.matrix.flow import SHARED, End, Flow, Place, all_flows

_SHARE = 150
_OUTWARD = ("relay.",)
"""Boundaries of what carries events out, which have fault tests of their own."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One life and death of a process."""

    point: str
    flow: Flow
    behaviour: Behaviour

    @property
    def name(self) -> str:
        return f"{self.point}-{self.flow.name}-{self.behaviour.name}"

    def __repr__(self) -> str:
        return self.name

    @property
    def place(self) -> Place:
        return self.flow.places.get(self.point) or SHARED[self.point]

    @property
    def applies(self) -> bool:
        """Whether the cell exists: what never has an effect is not told of by callback.

        What fails by itself and is told by nobody is found by comparing books, as settlement files
        do, and not by anything that the matrix runs.
        """
        if self.flow.at_first is not None and self.behaviour.never_tells:
            return False
        if self.place is not Place.TOLD:
            return True
        never_done = not self.behaviour.effective and self.behaviour.says is Says.NOTHING
        return self.behaviour.calls_back and not (never_done and not self.flow.owed)

    @property
    def reply_lost(self) -> bool:
        """Whether the process died with the provider's answer in its hand."""
        if self.place is Place.ASKING:
            return self.dies_open
        return self.place is Place.REPLIED

    @property
    def dies_open(self) -> bool:
        """Whether a process must die to leave the operation open, as its answer would settle it."""
        behaviour = self.behaviour
        if behaviour.says is Says.YES:
            return self.flow.waits is None
        return behaviour.in_time or behaviour.late

    @property
    def effect(self) -> bool:
        """Whether it is done in the end."""
        flow, behaviour = self.flow, self.behaviour
        if flow.sends is None:
            return True
        if flow.at_first is not None:
            return False
        if self.place is Place.COMMITTED and not flow.owed:
            # It was never sent, which is proved in the end, and nobody owes it.
            return False
        match behaviour.says:
            case Says.NO:
                return False
            case Says.REFUSED:
                # Where the refusal was lost, the inquiry finds nothing: what is owed is sent again.
                return self.reply_lost and flow.owed and flow.fails_with is None
            case _:
                return (behaviour.effective or flow.owed) and flow.fails_with is None

    @property
    def end(self) -> End:
        return self.flow.done if self.effect else self.flow.failed

    @property
    def read_alive(self) -> tuple[str | None, str | None]:
        """Code and status that the client reads from a process that does not die."""
        flow = self.flow
        match self.behaviour.says:
            case Says.YES:
                return None, flow.waits or flow.at_first or flow.done.status
            case Says.NO:
                return flow.declined, flow.failed.status
            case Says.REFUSED:
                return flow.refused, flow.failed.status
            case Says.NOTHING:
                return None, flow.unknown

    @property
    def read_of_the_dead(self) -> tuple[str | None, str | None]:
        """Code and status that the client reads when all has settled, of a process that died."""
        flow, behaviour = self.flow, self.behaviour
        code = "processing_error"
        if self.effect or flow.at_first is not None:
            return None, self.end.status
        if self.place is not Place.COMMITTED or flow.owed:
            if behaviour.says is Says.NO:
                return flow.declined, flow.failed.status
            if behaviour.says is Says.REFUSED and flow.owed and not self.reply_lost:
                # Sent again by another, which read the refusal.
                return flow.refused, flow.failed.status
            if (behaviour.effective or flow.owed) and flow.fails_with is not None:
                code = flow.fails_with
        return code, None

    @property
    def answered(self) -> bool | None:
        """Whether the answer was stored before the process died; None if it is left to chance."""
        match self.place:
            case Place.APPLIED:
                return True
            case Place.BEFORE | Place.COMMITTED | Place.REPLIED:
                return False
            case Place.TOLD:
                return None
            case Place.ASKING:
                return not self.dies_open


def all_cells() -> list[Cell]:
    """Return every cell of every flow."""
    cells = [
        Cell(point, flow, behaviour)
        for flow in all_flows()
        for point in [*flow.places, *(SHARED if flow.sends else ())]
        for behaviour in (BEHAVIOURS if flow.sends else (OK,))
    ]
    return [cell for cell in cells if cell.applies]


def chosen_cells() -> list[Cell]:
    """Return all cells if HAZINA_FAULTS=whole, those that HAZINA_CELLS names, or else a share.

    A share holds each boundary, each flow and each behaviour at least once, and is repeated with
    HAZINA_SEED.
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
    return _share(cells, random.Random(seed))


def _share(cells: list[Cell], chance: random.Random) -> list[Cell]:
    shuffled = chance.sample(cells, len(cells))
    kinds: tuple[Callable[[Cell], str], ...] = (
        lambda cell: cell.point, lambda cell: cell.flow.name, lambda cell: cell.behaviour.name,
    )  # fmt: skip
    chosen: list[Cell] = []
    for kind in kinds:
        for cell in shuffled:
            if kind(cell) not in {kind(one) for one in chosen}:
                chosen.append(cell)
    rest = [cell for cell in shuffled if cell not in chosen]
    return chosen + rest[: max(0, _SHARE - len(chosen))]


def points() -> set[str]:
    """Return every boundary that the product has declared on the way of a flow."""
    return {point for point in crashpoints.declared() if not point.startswith(_OUTWARD)}
