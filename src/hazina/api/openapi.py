"""The OpenAPI document, generated from the route table and the parameter schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hazina.api.errors import STATUSES
from hazina.api.expand import PATHS_MAX
from hazina.api.forms import FORM, JSON
from hazina.api.params.kinds import Fields
from hazina.api.route import Route
from hazina.api.streaming import CONTENT_TYPE
from hazina.api.version import API_VERSION
from hazina.refusals import Code
from hazina.refusals_view import TYPES

_PATH_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_UNSETTABLE = {"type": "string", "maxLength": 0, "description": "Empty: unset."}
_WITHOUT_ID = frozenset({"balance", "hazina.inbox"})


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the whole document."""
    rows = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in rows:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    kinds = sorted({route.answers for route in rows})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hazina",
            "version": API_VERSION,
            "description": "A payments API that works with Stripe's SDKs.",
        },
        "security": [{"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "schemas": {kind: _object(kind) for kind in kinds} | {"error": _error()},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _id_schema()}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.answers],
        "responses": {
            "200": _streamed() if route.streams else _response("The answer.", _answer(route)),
            "default": _response("A refusal.", {"$ref": "#/components/schemas/error"}),
        },
    }
    if route.method == "POST":
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )
        schema = body_schema(route.params)
        content: dict[str, Any] = {JSON: {"schema": schema}}
        content[FORM] = {"schema": schema, "encoding": _encoding(schema)}
        operation["requestBody"] = {"required": bool(route.params.required), "content": content}
    else:
        parameters += _query(route.params)
    if parameters:
        operation["parameters"] = parameters
    return operation


def body_schema(fields: Fields) -> dict[str, Any]:
    """Return the schema of a body, `expand` included."""
    schema = fields.schema()
    for name, param in fields.params.items():
        if param.unsettable:
            schema["properties"][name] = {"anyOf": [schema["properties"][name], _UNSETTABLE]}
    schema["properties"]["expand"] = _expand_schema()
    return schema


def _query(fields: Fields) -> list[dict[str, Any]]:
    found = []
    for name, schema in (*fields.schema()["properties"].items(), ("expand", _expand_schema())):
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": schema}
        if schema.get("type") == "object":
            parameter |= {"style": "deepObject", "explode": True}
        elif schema.get("type") == "array":
            parameter["name"] = f"{name}[]"
            parameter |= {"style": "form", "explode": True}
        found.append(parameter)
    return found


def _encoding(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"style": "deepObject", "explode": True}
        for name, one in schema["properties"].items()
        if one.get("type") in ("object", "array") or "anyOf" in one
    }


def _expand_schema() -> dict[str, Any]:
    item = {"type": "string", "maxLength": 200}
    return {"type": "array", "items": item, "maxItems": PATHS_MAX}


def _answer(route: Route) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{route.answers}"}
    if not route.listed:
        return one
    answer: dict[str, Any] = {
        "type": "object",
        "required": ["object", "url", "has_more", "data"],
        "properties": {
            "object": {"const": "search_result" if route.searched else "list"},
            "url": {"type": "string"},
            "has_more": {"type": "boolean"},
            "data": {"type": "array", "items": one},
        },
    }
    if "page" in route.params.params:
        answer["properties"]["next_page"] = {"type": ["string", "null"]}
    if route.searched:
        answer["properties"]["total_count"] = {"type": "integer"}
    return answer


def _object(kind: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"object": {"const": kind}}
    required = ["object"]
    if kind not in _WITHOUT_ID:
        properties["id"] = _id_schema()
        required.append("id")
    return {"type": "object", "required": required, "properties": properties}


def _error() -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["type", "message"],
        "properties": {
            "type": {"enum": sorted(set(TYPES.values()))},
            "code": {"enum": [code.value for code in Code]},
            "message": {"type": "string"},
            "param": {"type": "string"},
            "doc_url": {"type": "string"},
            "decline_code": {"type": "string"},
            "network_decline_code": {"type": "string"},
            "advice_code": {"type": "string"},
        },
        "description": f"HTTP statuses: {sorted(set(STATUSES.values()))}.",
    }
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


def _id_schema() -> dict[str, Any]:
    return {"type": "string", "pattern": "^[A-Za-z0-9_]{1,255}$"}


def _response(about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {JSON: {"schema": schema}}}


def _streamed() -> dict[str, Any]:
    about = "Server-sent events; the data of each is an event as JSON."
    return {"description": about, "content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}


def _operation_id(route: Route) -> str:
    words = route.path.removeprefix("/v1/").replace("{", "").replace("}", "").replace("/", "_")
    return f"{route.method.lower()}_{words}"
