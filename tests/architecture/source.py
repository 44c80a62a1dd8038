"""One source file as the rules see it, and how to find all of them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """A file by its path from the project's root, with its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def module(self) -> str:
        """The dotted name below `hazina`, such as `db.writer`; empty outside the product."""
        if not (self.path.startswith("src/hazina/") and self.is_python):
            return ""
        name = self.path.removeprefix("src/hazina/").removesuffix(".py").replace("/", ".")
        return name.removesuffix(".__init__")

    @property
    def package(self) -> str:
        """The first part of the module's name: its place in the table of floors."""
        return self.module.partition(".")[0]

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield line and absolute name of everything imported, names of `from` imports included."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    yield node.lineno, f"{base}.{alias.name}"

    @cached_property
    def _imported(self) -> dict[str, str]:
        """The full name behind each name that an import gives in this file."""
        names = {}
        for node in self.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                base = f"{self._absolute(node)}." if isinstance(node, ast.ImportFrom) else ""
                names |= {alias.asname or alias.name: base + alias.name for alias in node.names}
        return names

    def full_name(self, node: ast.expr) -> str:
        """Return a dotted name as it would be written without aliases: `datetime.datetime.now`."""
        first, dot, rest = ast.unparse(node).partition(".")
        return self._imported.get(first, first) + dot + rest

    def _absolute(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        parts = self.path.removeprefix("src/").removesuffix(".py").split("/")
        return ".".join([*parts[: -node.level], *([node.module] if node.module else [])])


def all_sources() -> list[Source]:
    """Read every text file that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    sources = []
    for name in sorted(set(listed.stdout.splitlines())):
        path = ROOT / name
        if path.is_file():
            sources.append(Source(name, path.read_text(encoding="utf-8", errors="replace")))
    return sources
