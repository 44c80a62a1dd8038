"""The JSON Schemas of events: one per event type and one per object, and what breaks a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hazina.events.types import RECORDED
from hazina.kafka.record import SCHEMA_VERSION
from tests.support.stripe_schema import shape_of

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[str, Schema] = {
    "str": {"type": ["string"]},
    "int": {"type": ["integer"]},
    "bool": {"type": ["boolean"]},
    "float": {"type": ["number"]},
    "Decimal": {"type": ["string"]},
    "enum": {"type": ["string"]},
}

ADVICE = (
    "Schemas of events never break their readers: keep what was there or, if that cannot be, raise "
    "SCHEMA_VERSION in src/hazina/kafka/record.py and run make docs; the old version stays. Only a "
    "schema that no release has had may be deleted and made anew."
)


def files(reference: Path) -> dict[Path, str]:
    """Return the text of every schema by its path; they are those of the present version only."""
    folder = reference / "event-schemas" / f"v{SCHEMA_VERSION}"
    kinds = sorted({one.carries for one in RECORDED.values()})
    made = {folder / f"{name}.json": _event(name, one.carries) for name, one in RECORDED.items()}
    made |= {folder / "objects" / f"{kind}.json": _object(kind) for kind in kinds}
    return {path: json.dumps(schema, indent=1) + "\n" for path, schema in made.items()}


def breaks(old: Schema, new: Schema, at: str = "$") -> Iterator[str]:
    """Yield how a new schema would break those who read by the old one.

    They may rely on every property that was named, on what was required, and on the types. Fields
    may be added, and what was optional may become required.
    """
    if not old:
        return
    if extra := set(_types(new)) - set(_types(old)):
        yield f"{at}: {sorted(extra)} may come where only {_types(old)} came"
    for word in ("const", "$ref"):
        if old.get(word) != new.get(word):
            yield f"{at}: {word} was {old.get(word)!r} and is {new.get(word)!r}"
    for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
        yield f"{at}.{name}: was always there and need not be any more"
    properties: Mapping[str, Schema] = new.get("properties", {})
    for name, schema in old.get("properties", {}).items():
        if name in properties:
            yield from breaks(schema, properties[name], f"{at}.{name}")
        else:
            yield f"{at}.{name}: is not described any more"
    for word in ("items", "additionalProperties"):
        if isinstance(old.get(word), dict):
            yield from breaks(old[word], new.get(word, {}), f"{at}[]")


def broken(made: Mapping[Path, str]) -> list[str]:
    """Return what the schemas that were made would break of those in the tree."""
    return [
        f"{path.stem} {problem}"
        for path, text in made.items()
        if path.suffix == ".json" and path.exists()
        for problem in breaks(json.loads(path.read_text()), json.loads(text))
    ]


def _types(schema: Schema) -> list[str]:
    found: list[str] = schema.get("type", [])
    return found


def _event(name: str, kind: str) -> Schema:
    request = {
        "id": {"type": ["string", "null"]}, "idempotency_key": {"type": ["string", "null"]},
    }  # fmt: skip
    properties: dict[str, Schema] = {
        "id": {"type": ["string"]},
        "object": {"type": ["string"], "const": "event"},
        "api_version": {"type": ["string"]},
        "created": {"type": ["integer"]},
        "data": {
            "type": ["object"],
            "required": ["object"],
            "properties": {
                "object": {"$ref": f"objects/{kind}.json"},
                "previous_attributes": {"type": ["object"]},
            },
        },
        "livemode": {"type": ["boolean"]},
        "pending_webhooks": {"type": ["integer"]},
        "request": {"type": ["object"], "required": sorted(request), "properties": request},
        "type": {"type": ["string"], "const": name},
    }
    return {
        "$schema": _DIALECT,
        "title": name,
        "description": RECORDED[name].when,
        "type": ["object"],
        "required": sorted(properties),
        "properties": properties,
    }


def _object(kind: str) -> Schema:
    return {"$schema": _DIALECT, "title": kind} | _fields(shape_of(kind))


def _fields(shape: Mapping[str, Mapping[str, Any]]) -> Schema:
    return {
        "type": ["object"],
        "required": sorted(name for name, field in shape.items() if field["always"]),
        "properties": {name: _value(field) for name, field in sorted(shape.items())},
    }


def _value(field: Mapping[str, Any]) -> Schema:
    schema = _described(field)
    if field.get("nullable") and "type" in schema:
        return schema | {"type": [*schema["type"], "null"]}
    return schema


def _described(field: Mapping[str, Any]) -> Schema:
    match field["type"]:
        case "object" if "fields" in field:
            return _fields(field["fields"])
        case "list":
            return {"type": ["array"], "items": _described(field["of"])}
        case "list object":
            return {"type": ["object"]}
        case str(word) if word in _SCALARS:
            return dict(_SCALARS[word])
        case str(words) if " | " in words:
            kinds = [_described({"type": word}) for word in words.split(" | ")]
            if all("type" in kind for kind in kinds):
                return {"type": sorted({name for kind in kinds for name in kind["type"]})}
            return {}
        case "map of str":
            return {"type": ["object"], "additionalProperties": {"type": ["string"]}}
        case str(word) if word.startswith(("object", "map ")):
            return {"type": ["object"]}
        case _:
            return {}
