"""Connectors: one folder for each provider, found by looking and never listed."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def find() -> dict[str, ModuleType]:
    """Return every connector's package by its name.

    Each one offers `CONNECTOR`: its name, its settings and how it is built.
    """
    return {
        found.name: importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
        if found.ispkg
    }
