"""Which decisions of the product ask something of a provider, read from its source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from hazina.crashpoints import crashpoint

_ISSUE = "issue"
_OF_COMMANDS = "hazina.commands.command"
_TABLE = "command"
_ASKS = "perform"
_ASKER = "dispatch"
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def issuers(source: Path) -> set[str]:
    """Return the functions that write a command, as `file:function`, by the call that does it.

    Whoever calls such a function that is private to its file is one of them.
    """
    found: set[str] = set()
    for file, tree in _files(source):
        if file.parts[0] == "commands":
            continue
        calls = {node.name: _called(node) for node in ast.walk(tree) if isinstance(node, _Function)}
        writes = {name for name, called in calls.items() if _issues(tree, called)}
        for _ in calls:
            private = {name for name in writes if name.startswith("_")}
            writes |= {name for name, called in calls.items() if called & private}
        found |= {f"{file}:{name}" for name in writes}
    return found


def askers(source: Path) -> set[str]:
    """Return the files that have a connector perform something, or anything `perform` at all."""
    return {
        str(file)
        for file, tree in _files(source)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == _ASKS
    }


def _files(source: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(source.rglob("*.py")):
        yield path.relative_to(source), ast.parse(path.read_text())


def _called(function: _Function) -> set[str]:
    """Return what a function calls by name, and `Insert command` for a row of that table."""
    called = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else None
            name = node.func.attr if isinstance(node.func, ast.Attribute) else name
            called.add(name or "")
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and first.value == _TABLE:
                called.add(f"{name} {_TABLE}")
    return called


def _issues(tree: ast.Module, called: set[str]) -> bool:
    if called & {f"Insert {_TABLE}", f"Claim {_TABLE}"}:
        return True
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return _ISSUE in called and any(
        node.module == _OF_COMMANDS or (node.module or "").startswith("hazina.commands")
        for node in imports
    )


@dataclass(frozen=True, slots=True)
class Passed:
    """What ran of the product, as `file:function`, and the boundaries that were passed."""

    ran: set[str] = field(default_factory=set)
    boundaries: set[str] = field(default_factory=set)


@contextmanager
def passed(source: Path) -> Iterator[Passed]:
    """Collect what runs meanwhile of the product, and each name given to `crashpoint`."""
    found = Passed()
    at = f"{source}/"

    def notice(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(at):
            found.ran.add(f"{frame.f_code.co_filename.removeprefix(at)}:{frame.f_code.co_name}")
            if frame.f_code is crashpoint.__code__:
                found.boundaries.add(frame.f_locals["name"])

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        yield found
    finally:
        sys.setprofile(before)
