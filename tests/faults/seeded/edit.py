"""What a seeded bug is: a few replaced lines, and the run that must notice them."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in a file under src/hazina."""

    file: str
    old: str
    new: str


def _pytest(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", *arguments)


@dataclass(frozen=True, slots=True)
class Matrix:
    """These cells of the crash matrix."""

    cells: str

    @property
    def command(self) -> tuple[str, ...]:
        return _pytest("tests/faults/test_crash_matrix.py", "-k", "settles_once")

    @property
    def environment(self) -> dict[str, str]:
        return {"HAZINA_CELLS": self.cells}


@dataclass(frozen=True, slots=True)
class Test:
    """One other test with processes or PostgreSQL, with its short number of rounds."""

    __test__ = False

    file: str
    name: str
    folder: str = "faults"

    @property
    def command(self) -> tuple[str, ...]:
        return _pytest(f"tests/{self.folder}/{self.file}.py", "-k", self.name)

    @property
    def environment(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Simulation:
    """A thousand seeds of the simulation, always the same ones."""

    seeds: int = 1_000

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-m", "tests.simulation", "--seed", "1", "--count",
                str(self.seeds))  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {}


Run = Matrix | Test | Simulation


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake that somebody could make, and what must notice it."""

    name: str
    caught_by: Run
    edits: tuple[Edit, ...]
