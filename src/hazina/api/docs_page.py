"""The pages under /docs: every route, and every error code, as plain HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from hazina.api.error_words import WORDS
from hazina.api.errors import STATUSES
from hazina.api.route import Route
from hazina.api.version import API_VERSION
from hazina.refusals import Code
from hazina.refusals_view import TYPES

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    "color:#1a1a1a;background:#fff;overflow-wrap:anywhere}code{font-size:.9em}a{color:#0b4f6c}"
    "summary{cursor:pointer;padding:.15rem 0}h2{margin:2rem 0 .5rem}section{margin-bottom:2rem}"
    "table{border-collapse:collapse;margin:.3rem 0 1rem;width:100%}td{border-top:1px solid #ddd;"
    "padding:.3rem .5rem;text-align:left;vertical-align:top}td:first-child{width:35%}"
    "small{color:#595959;font-size:.85em}"
)


def page(routes: Iterable[Route]) -> str:
    """Return the whole page."""
    groups: dict[str, list[str]] = {}
    for route in routes:
        groups.setdefault(_group(route.path), []).append(_route(route))
    sections = "".join(
        f"<h2>{escape(name)}</h2>{''.join(listed)}" for name, listed in groups.items()
    )
    return _html(
        "Hazina API",
        f"<p>Version <code>{API_VERSION}</code>. Works with Stripe's SDKs. "
        'Authenticate with <code>Authorization: Bearer sk_test_...</code>. <a href="/openapi.json">'
        'OpenAPI document</a>. <a href="/docs/errors">Errors</a>.</p>'
        f"{sections}",
    )


def errors_page() -> str:
    """Return the page at /docs/errors, to whose sections `doc_url` leads."""
    return _html(
        "Hazina API: errors",
        '<p>Each answer with a status of 400 or above is an <code>error</code>. <a href="/docs">'
        f"Routes</a>.</p>{''.join(_error(code) for code in Code)}",
    )


def _html(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style>"
        f"<h1>{title}</h1>{body}</html>"
    )


def _route(route: Route) -> str:
    properties: dict[str, Any] = route.params.schema()["properties"]
    rows = "".join(_parameter(name, schema, route) for name, schema in properties.items())
    table = f"<table>{rows}</table>" if rows else "<p>No parameters.</p>"
    return (
        f"<details><summary><code>{route.method} {escape(route.path)}</code> "
        f"{escape(route.summary)}</summary>{table}</details>"
    )


def _parameter(name: str, schema: dict[str, Any], route: Route) -> str:
    kind = schema["type"]
    if name in route.params.required:
        kind += ", <strong>required</strong>"
    values = " or ".join(f"<code>{escape(value)}</code>" for value in schema.get("enum", ()))
    about = _marked(schema.get("description", ""))
    words = "<br>".join(word for word in (values, about) if word)
    return f"<tr><td><code>{escape(name)}</code> <small>{kind}</small><td>{words}</tr>"


def _group(path: str) -> str:
    """Return the heading of a route: what its path names, without ids and verbs."""
    words = path.removeprefix("/v1/").split("/")
    named = words[:2] if words[0] in ("checkout", "hazina", "ledger") else words[:1]
    return " ".join(named).replace("_bulk", "").replace("_", " ").capitalize()


def _marked(text: str) -> str:
    """Return text for HTML, with what stands between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _error(code: Code) -> str:
    words = WORDS[code]
    return (
        f'<section id="{code.value}"><h2><code>{code.value}</code></h2>'
        f"<p>HTTP {STATUSES[code]}, type <code>{TYPES[code]}</code>. {_marked(words.meaning)}</p>"
        f"<p><strong>What to do:</strong> {_marked(words.remedy)}</p>"
        f"<p>For example: <q>{escape(words.message)}</q></p></section>"
    )
