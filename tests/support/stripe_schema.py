"""Checks answers against the annotations of the `stripe` package's own classes.

Every field that the annotations know is demanded unless Stripe leaves it out; every field they do
not know is a problem, except the namespaced key `hazina`. What the annotations cannot say is in
`stripe_objects`.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, ForwardRef, Literal, Union

import stripe
from stripe import StripeObject

from hazina.webhooks.event_types import OWN_EVENT_TYPES
from tests.support.stripe_objects import (
    ALSO_PREFIXES,
    ALWAYS_SENT,
    CLASSES,
    CREATION_ONLY,
    DELETED_FIELDS,
    DOCUMENTED_VALUES,
    EXTENSION,
    ID_PREFIXES,
    OWN,
    Presence,
)
from tests.support.stripe_presence import CARD_ONLY, DATA, SOURCES

ERROR = "error"
LIST = "list"
_OWN_LISTS = "/v1/ledger/"
"""Where lists hold objects of our own, and are paged by `next_page` instead of cursors."""
SEARCH_RESULT = "search_result"
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a class: its annotation without `Optional`, and when it may be missing."""

    name: str
    annotation: Any
    presence: Presence

    @property
    def demanded(self) -> bool:
        """Say whether every answer has the field."""
        return self.presence in ("required", "nullable")

    @property
    def nullable(self) -> bool:
        """Say whether null is a legal value."""
        return self.presence in ("nullable", "either")


def check(answer: object) -> list[str]:
    """Return what is wrong with an answer: an object, a list, a deleted object or an error."""
    if not isinstance(answer, dict):
        return [f"$: a JSON object is expected, not {_json_type(answer)}"]
    if "error" in answer and "object" not in answer:
        return list(_check_error(answer))
    return list(_check_resource(answer, "$"))


def required_fields(object_name: str) -> dict[str, dict[str, Any]]:
    """Return each demanded field of an object with type, nullability, values and inner fields."""
    shape = shape_of(object_name)
    return {name: field for name, field in shape.items() if field["always"]}


def shape_of(object_name: str) -> dict[str, dict[str, Any]]:
    """Return every field known for an object; `always` says whether the checker demands it."""
    if object_name == LIST:
        return _describe_class(stripe.ListObject)
    if object_name == ERROR:
        return _describe_class(stripe.ErrorObject)
    return _describe_class(CLASSES[object_name])


_FIELDS: dict[str, dict[str, Field]] = {}


def fields_of(cls: type[StripeObject]) -> dict[str, Field]:
    """Return the fields that a class annotates, by name."""
    key = f"{cls.__module__}.{cls.__qualname__}"
    if key not in _FIELDS:
        _FIELDS[key] = _read_fields(cls)
    return _FIELDS[key]


def _read_fields(cls: type[StripeObject]) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for name, annotation in cls.__annotations__.items():
        if name.isupper() or name.startswith("_") or name == "deleted":
            continue
        inner, optional = _without_none(annotation)
        found[name] = Field(name, inner, _presence(cls, name, optional))
    if cls is stripe.ListObject:
        found["object"] = Field("object", Literal["list"], "required")
    return found


@cache
def _presence_data() -> dict[str, dict[str, list[str]]]:
    data: dict[str, dict[str, list[str]]] = json.loads(DATA.read_text())
    return data


def _presence(cls: type[StripeObject], name: str, optional: bool) -> Presence:
    if not optional:
        return "required"
    owner = cls.__qualname__
    if (owner, name) in CREATION_ONLY or owner == "ErrorObject":
        return "absent"
    if (owner, name) in ALWAYS_SENT:
        return ALWAYS_SENT[owner, name]
    if owner.endswith((".Address", ".AccountHolderAddress", ".BankAddress")):
        # One type of its own in the npm package, with all of it sent.
        return "nullable"
    data = _presence_data()
    if name in data["nullable"].get(owner, ()):
        return "nullable"
    if name in data["either"].get(owner, ()) or not _has_presence_data(owner):
        return "either"
    return "absent"


def _has_presence_data(owner: str) -> bool:
    if owner.split(".")[0] not in SOURCES:
        return False
    return not any(
        owner.startswith(parent + ".") and owner[len(parent) + 1 :].split(".")[0] not in kept
        for parent, kept in CARD_ONLY.items()
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) is not Union:
        return annotation, False
    arguments = typing.get_args(annotation)
    kept = tuple(argument for argument in arguments if argument is not type(None))
    return Union[kept], len(kept) < len(arguments)  # noqa: UP007


def _check_error(answer: dict[str, Any]) -> Iterator[str]:
    for extra in sorted(answer.keys() - {"error", EXTENSION}):
        yield f"$.{extra}: unknown field beside error"
    error = answer["error"]
    if isinstance(error, dict):
        yield from _check_fields(error, stripe.ErrorObject, "$.error")
        if "message" not in error:
            yield "$.error.message: missing field"
    else:
        yield f"$.error: an object is expected, not {_json_type(error)}"


def _check_resource(value: dict[str, Any], path: str) -> Iterator[str]:
    name = value.get("object")
    if name == LIST:
        yield from _check_list(value, path)
        return
    if isinstance(name, str) and name in OWN:
        always, sometimes = OWN[name]
        for field in sorted((always - value.keys()) | (value.keys() - always - sometimes)):
            yield f"{path}.{field}: missing or unknown field of an object of our own"
        return
    if name == SEARCH_RESULT:
        yield from _check_search_result(value, path)
        return
    if not isinstance(name, str) or name not in CLASSES:
        yield f"{path}.object: {name!r} is no object that this checker knows"
        return
    prefix = ID_PREFIXES.get(name)
    prefixes = (prefix, *ALSO_PREFIXES.get(name, ())) if prefix else ()
    if prefix and not str(value.get("id", prefix)).startswith(prefixes):
        yield f"{path}.id: {value['id']!r} does not start with {prefix}"
    cls = CLASSES[name]
    if "deleted" in value and "deleted" in cls.__annotations__:
        yield from _check_deleted(value, path)
        return
    yield from _check_fields(value, cls, path)
    data = value.get("data")
    if name == "event" and isinstance(data, dict) and isinstance(data.get("object"), dict):
        yield from _check_resource(data["object"], f"{path}.data.object")


def _check_deleted(value: dict[str, Any], path: str) -> Iterator[str]:
    if value["deleted"] is not True:
        yield f"{path}.deleted: only true is allowed, and only on a deleted object"
    for missing in sorted(DELETED_FIELDS - value.keys()):
        yield f"{path}.{missing}: missing field"
    for extra in sorted(value.keys() - DELETED_FIELDS - {EXTENSION}):
        yield f"{path}.{extra}: unknown field on a deleted object"


def _check_list(value: dict[str, Any], path: str) -> Iterator[str]:
    if str(value.get("url")).startswith(_OWN_LISTS):
        yield from _check_next_page(value, path)
        value = {name: one for name, one in value.items() if name != "next_page"}
    yield from _check_fields(value, stripe.ListObject, path)
    if not str(value.get("url", "/v1/")).startswith("/v1/"):
        yield f"{path}.url: a path under /v1/ is expected"


def _check_next_page(value: dict[str, Any], path: str) -> Iterator[str]:
    if value.get("has_more") != isinstance(value.get("next_page", 0), str):
        yield f"{path}.next_page: a token is expected while there is more, and null at the end"


def _check_search_result(value: dict[str, Any], path: str) -> Iterator[str]:
    """Check a page of a search as a list that has a token in place of cursors."""
    shared = {"data", "has_more", "url"}
    for missing in sorted((shared | {"next_page"}) - value.keys()):
        yield f"{path}.{missing}: missing field"
    for extra in sorted(value.keys() - shared - {"object", "next_page", "total_count"}):
        yield f"{path}.{extra}: unknown field"
    yield from _check_list({"object": LIST} | {n: value[n] for n in shared & value.keys()}, path)
    yield from _check_next_page(value, path)
    if type(value.get("total_count", 0)) is not int:
        yield f"{path}.total_count: int is expected, not {_json_type(value['total_count'])}"


def _check_fields(value: dict[str, Any], cls: type[StripeObject], path: str) -> Iterator[str]:
    fields = fields_of(cls)
    for name, field in fields.items():
        if name not in value:
            if field.demanded:
                yield f"{path}.{name}: missing field"
        elif value[name] is None:
            if not field.nullable:
                yield f"{path}.{name}: null is not allowed"
        else:
            yield from _check_value(value[name], field.annotation, f"{path}.{name}")
            yield from _check_documented(value[name], cls, name, path)
    for extra in sorted(value.keys() - fields.keys() - {EXTENSION}):
        yield f"{path}.{extra}: unknown field"
    yield from _check_variant(value, fields, path)


def _check_documented(
    value: object, cls: type[StripeObject], name: str, path: str
) -> Iterator[str]:
    allowed = DOCUMENTED_VALUES.get((cls.__qualname__, name))
    if allowed and value not in allowed:
        yield f"{path}.{name}: {value!r} is not one of {sorted(allowed)}"


def _check_variant(value: dict[str, Any], fields: dict[str, Field], path: str) -> Iterator[str]:
    """Demand the part that `type` names, as `card` beside `type: card`."""
    kind = value.get("type")
    part = fields.get(kind) if isinstance(kind, str) else None
    if part and _is_class(part.annotation) and not isinstance(value.get(part.name), dict):
        yield f"{path}.{part.name}: missing though type is {kind}"


def _check_value(value: object, annotation: Any, path: str) -> Iterator[str]:
    origin = typing.get_origin(annotation)
    if annotation is Any:
        return
    if origin is Literal:
        yield from _check_enum(value, typing.get_args(annotation), path)
    elif origin is Union:
        yield from _check_union(value, typing.get_args(annotation), path)
    elif origin is list:
        yield from _check_items(value, typing.get_args(annotation)[0], path)
    elif origin is dict:
        yield from _check_mapping(value, typing.get_args(annotation)[1], path)
    elif isinstance(annotation, (ForwardRef, str)):
        yield from _check_reference(value, _reference_name(annotation), path)
    elif origin is not None and origin.__name__ == "UntypedStripeObject":
        yield from _check_mapping(value, typing.get_args(annotation)[0], path)
    elif origin is stripe.ListObject:
        yield from _check_reference(value, "ListObject", path)
    elif isinstance(annotation, typing.TypeVar):
        yield from _check_reference(value, None, path)
    elif _is_class(annotation):
        if isinstance(value, dict):
            yield from _check_fields(value, annotation, path)
        else:
            yield f"{path}: an object is expected, not {_json_type(value)}"
    else:
        yield from _check_scalar(value, annotation, path)


def _check_enum(value: object, allowed: tuple[object, ...], path: str) -> Iterator[str]:
    if path.endswith(".type") and value in OWN_EVENT_TYPES:
        return  # Namespaced, as our own objects are: clients know them by their text.
    if not any(type(value) is type(one) and value == one for one in allowed):
        shown = list(allowed[:12])
        yield f"{path}: {value!r} is not one of {shown}{'...' if len(allowed) > 12 else ''}"


def _check_union(value: object, arguments: tuple[Any, ...], path: str) -> Iterator[str]:
    values = [argument for argument in arguments if typing.get_origin(argument) is Literal]
    if values:
        # The package adds `str` so that future values do not break old clients; none is legal now.
        yield from _check_enum(value, typing.get_args(values[0]), path)
        return
    if isinstance(value, dict):
        inner = [argument for argument in arguments if argument is not str]
        attempts = [list(_check_value(value, argument, path)) for argument in inner]
        yield from min(attempts, key=len, default=[f"{path}: an object is not expected"])
    elif not any(not list(_check_value(value, argument, path)) for argument in arguments):
        yield f"{path}: {_json_type(value)} is not expected here"


def _check_items(value: object, item: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: a list is expected, not {_json_type(value)}"
        return
    for index, one in enumerate(value):
        yield from _check_value(one, item, f"{path}[{index}]")


def _check_mapping(value: object, item: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: an object is expected, not {_json_type(value)}"
        return
    for key, one in value.items():
        yield from _check_value(one, item, f"{path}.{key}")


def _check_reference(value: object, class_name: str | None, path: str) -> Iterator[str]:
    """Check an object inside another by its own `object`, which must be the annotated one."""
    if not isinstance(value, dict):
        yield f"{path}: an object is expected, not {_json_type(value)}"
        return
    expected = getattr(getattr(stripe, class_name or "", None), "OBJECT_NAME", None)
    if expected and value.get("object") != expected:
        yield f"{path}.object: {value.get('object')!r} where {expected!r} belongs"
        return
    yield from _check_resource(value, path)


def _check_scalar(value: object, annotation: Any, path: str) -> Iterator[str]:
    if annotation is Decimal:
        # Sent as a string of digits, which the package reads into a Decimal.
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            yield f"{path}: a string of decimal digits is expected, not {_json_type(value)}"
        return
    accepted: tuple[type, ...] = (int, float) if annotation is float else (annotation,)
    if type(value) not in accepted:
        yield f"{path}: {annotation.__name__} is expected, not {_json_type(value)}"


def _reference_name(annotation: ForwardRef | str) -> str:
    return annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation


def _is_class(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, StripeObject)


def _json_type(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _describe_class(cls: type[StripeObject]) -> dict[str, dict[str, Any]]:
    return {
        name: {"always": field.demanded, "nullable": field.nullable}
        | _describe(field.annotation)
        | _described_values(cls, name)
        for name, field in fields_of(cls).items()
    }


def _described_values(cls: type[StripeObject], name: str) -> dict[str, Any]:
    values = DOCUMENTED_VALUES.get((cls.__qualname__, name))
    return {"values": sorted(values)} if values else {}


def _describe(annotation: Any) -> dict[str, Any]:
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is Literal:
        return {"type": "enum", "values": list(arguments)}
    if origin is Union:
        literal = next((a for a in arguments if typing.get_origin(a) is Literal), None)
        if literal:
            return _describe(literal)
        return {"type": " | ".join(str(_describe(argument)["type"]) for argument in arguments)}
    if origin is list:
        return {"type": "list", "of": _describe(arguments[0])}
    if origin is stripe.ListObject:
        return {"type": "list object"}
    if isinstance(annotation, (ForwardRef, str)):
        return {"type": f"object {_reference_name(annotation)}"}
    if origin is not None:
        return {"type": "map of " + getattr(arguments[-1], "__name__", "any")}
    if isinstance(annotation, type) and issubclass(annotation, StripeObject):
        return {"type": "object", "fields": _describe_class(annotation)}
    return {"type": getattr(annotation, "__name__", "any")}
