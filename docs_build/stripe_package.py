"""Reads the endpoints and parameters of Stripe's API out of the installed `stripe` package.

Nothing is imported: the source is parsed, because the package loads its services one by one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hazina.api.stripe_surface import Names, StripeEndpoint, line_of

_SENT_WITH_ALL = frozenset({"expand"})
_DEPTH_MAX = 4
"""Deeper names than these no client of a payments API meets; they would double the file."""


def surface() -> list[StripeEndpoint]:
    """Return every v1 and v2 endpoint of the package, by path and method."""
    found: dict[tuple[str, str], Names] = {}
    for path in sorted(package_root().rglob("*.py")):
        if path.name.startswith(("_api_requestor", "_http_client")) or path.parent.name == "params":
            continue
        tree = ast.parse(path.read_text())
        told = _params_files(tree)
        for method, url, params in _requests(tree):
            key = (url, method)
            classes = _classes(told[params]) if params in told else {}
            found[key] = _merged(found.get(key, {}), _names(classes, params))
    rows = [StripeEndpoint(method, path, names) for (path, method), names in found.items()]
    return sorted(_without_twins(rows), key=lambda one: (one.path, one.method))


def text(endpoints: list[StripeEndpoint]) -> str:
    """Return the data file: one endpoint a line, with the names of its parameters."""
    return "".join(f"{line_of(one)}\n" for one in endpoints)


def _without_twins(rows: list[StripeEndpoint]) -> list[StripeEndpoint]:
    """Join rows that differ only in how the package calls the id in the path."""
    joined: dict[tuple[str, str], StripeEndpoint] = {}
    for row in rows:
        path = re.sub(r"\{[^}]*\}", "{id}", row.path)
        before = joined.get((path, row.method))
        names = _merged(before.params, row.params) if before else row.params
        joined[path, row.method] = StripeEndpoint(row.method, path, names)
    return list(joined.values())


def package_root() -> Path:
    """Return the folder of the installed package."""
    spec = find_spec("stripe")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _requests(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            yield from requests_of(function)


def requests_of(function: ast.FunctionDef) -> Iterator[tuple[str, str, str]]:
    """Return method, path and the class of the parameters of each request of a function."""
    params = _params_class(function)
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or len(node.args) < 2:
            continue
        method, path = _text(node.args[0]), _text(node.args[1])
        if method in ("get", "post", "delete") and path.startswith(("/v1/", "/v2/")):
            yield method.upper(), path, params


def _text(node: ast.expr) -> str:
    """Return a string, be it plain or given to `.format`; empty for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _params_class(function: ast.FunctionDef) -> str:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    if function.args.kwarg is not None:
        arguments.append(function.args.kwarg)
    for argument in arguments:
        if argument.arg == "params" and argument.annotation is not None:
            found = re.search(r"\w+Params\b", ast.unparse(argument.annotation))
            return found.group() if found else ""
    return ""


def _params_files(tree: ast.Module) -> dict[str, Path]:
    """Return the file of each class of parameters that a module imports.

    A name alone says too little: three of the package's classes are called SessionCreateParams.
    """
    return {
        name.name: package_root().parent / f"{node.module.replace('.', '/')}.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        if node.module is not None and node.module.startswith("stripe.params.")
        for name in node.names
    }


@cache
def _classes(path: Path) -> dict[str, ast.ClassDef]:
    """Return the classes of a file of parameters, by name; what is inside them is there too."""
    return {
        node.name: node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    }


def _names(classes: Mapping[str, ast.ClassDef], class_name: str, depth: int = 1) -> Names:
    """Return the parameters of a class, each with those inside it."""
    node = classes.get(class_name)
    if node is None or depth > _DEPTH_MAX:
        return {}
    names: dict[str, Names] = {}
    for name, annotation in _fields(classes, node):
        if depth == 1 and name in _SENT_WITH_ALL:
            continue
        inner: Names = {}
        for one in re.findall(r"\w+", annotation):
            if one in classes and one != class_name:
                inner = _merged(inner, _names(classes, one, depth + 1))
        names[name] = inner
    return names


def _fields(classes: Mapping[str, ast.ClassDef], node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            yield line.target.id, ast.unparse(line.annotation)
        elif isinstance(line, ast.Assign):
            yield from _fields_of_call(line.value)
    for base in node.bases:
        inherited = classes.get(ast.unparse(base).strip("\"'"))
        if inherited is not None:
            yield from _fields(classes, inherited)
        elif isinstance(base, ast.Call):
            yield from _fields_of_call(base)


def _fields_of_call(value: ast.expr) -> Iterator[tuple[str, str]]:
    """Read `TypedDict("Name", {"from": ...})`, which holds names that Python reserves."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("TypedDict"):
        for argument in value.args[1:]:
            if isinstance(argument, ast.Dict):
                for key, annotation in zip(argument.keys, argument.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, ast.unparse(annotation)


def _merged(one: Names, other: Names) -> Names:
    merged: dict[str, Any] = dict(one)
    for name, inner in other.items():
        merged[name] = _merged(merged.get(name, {}), inner)
    return merged
