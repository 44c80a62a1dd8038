"""How the official Python and Node packages call a route: found in the Python package's source."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs_build.compatibility import pattern
from docs_build.stripe_package import package_root, requests_of
from hazina.api.route import Route

_NODE_NAMES = {"delete": "del"}


@dataclass(frozen=True, slots=True)
class Method:
    """The way to a method from the client: `customers.payment_methods.list`."""

    services: tuple[str, ...]
    name: str
    nested: str = ""

    @property
    def python(self) -> str:
        """Return it as the Python package calls it."""
        return ".".join(("v1", *self.services, self.name))

    @property
    def node(self) -> str:
        """Return it as the Node package calls it, which has no services below services."""
        if self.nested:
            return ".".join(_camel(part) for part in (*self.services[:-1], self.nested))
        name = _NODE_NAMES.get(self.name, self.name)
        return ".".join(_camel(part) for part in (*self.services, name))


def method_of(route: Route) -> Method | None:
    """Return the method for a route; None for one that the packages do not know."""
    return _methods().get(pattern(route))


@cache
def _methods() -> dict[str, Method]:
    found: dict[str, Method] = {}
    _collect(package_root() / "_v1_services.py", (), found)
    return found


def _collect(path: Path, services: tuple[str, ...], found: dict[str, Method]) -> None:
    tree = ast.parse(path.read_text())
    own = False
    for name, method, url in _requests(tree):
        own = True
        key = f"{method} {re.sub(r'{[^}]*}', '{id}', url)}"
        nested = _nested_name(services[:-1], key) if len(services) > 1 else ""
        found.setdefault(key, Method(services, name, nested))
    for child, module in _children(tree).items():
        if own or len(services) < 2:
            file = package_root().parent / (module.replace(".", "/") + ".py")
            _collect(file, (*services, child), found)


def _requests(tree: ast.Module) -> list[tuple[str, str, str]]:
    return [
        (function.name, method, url)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for method, url, _ in requests_of(function)
    ]


@cache
def _nested_name(services: tuple[str, ...], key: str) -> str:
    """Return what the class of the outer thing calls it: `list_payment_methods` of a customer."""
    *folders, thing = services
    path = package_root().joinpath(*folders) / f"_{thing.removesuffix('s')}.py"
    if not path.exists():
        return ""
    for name, method, url in _requests(ast.parse(path.read_text())):
        plain = f"{method} {re.sub(r'{[^}]*}', '{id}', url)}"
        if plain == key and not name.startswith("_"):
            return name.replace("modify", "update")
    return ""


def _children(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_subservices":
            table: dict[str, list[str]] = ast.literal_eval(node.value)
            return {name: where[0] for name, where in table.items()}
    return {}


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found.group(1).upper(), name)
