"""The pages under /docs: every route, and every error code, as plain HTML."""

from __future__ import annotations

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
    "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}code{font-size:.9em}summary{cursor:pointer}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;vertical-align:top}"
)


def page(routes: Iterable[Route]) -> str:
    """Return the whole page."""
    sections = "".join(_route(route) for route in routes)
    return _html(
        "Hazina API",
        f"<p>Version <code>{API_VERSION}</code>. Works with Stripe's SDKs. "
        'Authenticate with <code>Authorization: Bearer sk_test_...</code>. <a href="/openapi.json">'
        'OpenAPI document</a>. <a href="/docs/errors">Errors</a>.</p>'
        f"<h2>Routes</h2>{sections}",
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
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
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
    values = ", ".join(schema.get("enum", ()))
    about = schema.get("description", "")
    needed = "required" if name in route.params.required else ""
    words = " ".join(word for word in (schema["type"], needed, values, about) if word)
    return f"<tr><td><code>{escape(name)}</code><td>{escape(words)}</tr>"


def _error(code: Code) -> str:
    words = WORDS[code]
    return (
        f'<section id="{code.value}"><h2><code>{code.value}</code></h2>'
        f"<p>HTTP {STATUSES[code]}, type <code>{TYPES[code]}</code>. {escape(words.meaning)}</p>"
        f"<p><strong>What to do:</strong> {escape(words.remedy)}</p>"
        f"<p>For example: <q>{escape(words.message)}</q></p></section>"
    )
