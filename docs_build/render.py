"""Renders an example as curl, Python and Node; the tests run what the documentation shows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from docs_build.calls import method_of
from hazina.api.route import Route

Ids = tuple[str, ...]


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """Return parameters with each `$name` replaced by its id."""
    match value:
        case dict():
            return {key: filled(item, ids) for key, item in value.items()}
        case list():
            return [filled(item, ids) for item in value]
        case str() if value.startswith("$"):
            return ids[value[1:]]
        case _:
            return value


def path_of(route: Route, ids: Ids) -> str:
    """Return a route's path with its ids."""
    given = iter(ids)
    return re.sub(r"\{[^}]*\}", lambda _: next(given), route.path)


def curl(route: Route, ids: Ids, params: dict[str, Any]) -> str:
    """Return the example as a command for a shell that has HAZINA_URL and HAZINA_SECRET_KEY."""
    method = {"GET": "-G ", "DELETE": "-X DELETE "}.get(route.method, "")
    if route.method == "GET" and not params:
        method = ""
    if route.method == "POST" and not params:
        method = "-X POST "
    lines = [f'curl {method}"$HAZINA_URL{path_of(route, ids)}" -u "$HAZINA_SECRET_KEY:"']
    lines += [f"-d {shlex.quote(f'{name}={value}')}" for name, value in form(params)]
    return " \\\n  ".join(lines)


def form(params: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Return the pairs of a form: nested names in brackets, lists numbered."""
    for key, value in params.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, list):
            value = {str(place): item for place, item in enumerate(value)}
        if isinstance(value, dict):
            yield from form(value, name)
        else:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)


def python(route: Route, ids: Ids, params: dict[str, Any]) -> str:
    """Return the example as an expression over `client`, a `stripe.StripeClient`."""
    method = method_of(route)
    if method is None:
        given = [json.dumps(route.method.lower()), json.dumps(path_of(route, ids))]
        given += [f"{name}={_literal(value)}" for name, value in params.items()]
        return f"client.raw_request({', '.join(given)})"
    given = [json.dumps(one) for one in ids]
    if params:
        given.append(_literal(params))
    return f"client.{method.python}({', '.join(given)})"


def node(route: Route, ids: Ids, params: dict[str, Any]) -> str:
    """Return the example as an expression over `stripe`, the package's client."""
    method = method_of(route)
    if method is None:
        path = path_of(route, ids)
        if route.method != "POST" and params:
            # The package's rawRequest takes parameters with POST only.
            path, params = f"{path}?{urlencode(list(form(params)))}", {}
        given = [f"'{route.method}'", _script(path)]
        return f"stripe.rawRequest({', '.join([*given, *([_script(params)] if params else [])])})"
    given = [_script(one) for one in ids]
    if params:
        given.append(_script(params))
    return f"stripe.{method.node}({', '.join(given)})"


def _literal(value: Any) -> str:
    """Return a value as Python writes it, with double quotes."""
    match value:
        case bool():
            return str(value)
        case dict():
            inner = (f"{json.dumps(key)}: {_literal(item)}" for key, item in value.items())
            return "{" + ", ".join(inner) + "}"
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case _:
            return json.dumps(value)


def _script(value: Any) -> str:
    """Return a value as JavaScript writes it."""
    match value:
        case dict():
            inner = (f"{_name(key)}: {_script(item)}" for key, item in value.items())
            return "{" + ", ".join(inner) + "}"
        case list():
            return "[" + ", ".join(map(_script, value)) + "]"
        case str() if "'" not in value and "\\" not in value:
            return f"'{value}'"
        case _:
            return json.dumps(value)


def _name(key: str) -> str:
    return key if key.isidentifier() else json.dumps(key)
