"""Kinds of parameter values: each reads what a form or JSON body holds, and describes itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hazina.api.forms import shown
from hazina.metadata import KEY_LENGTH_MAX, KEYS_MAX, VALUE_LENGTH_MAX
from hazina.refusals import Code, Refusal

TEXT_LENGTH_MAX = 5000
INTEGER_MAX = 2**63 - 1
_INTEGER = re.compile(r"-?[0-9]{1,40}")


class Kind(Protocol):
    """How one parameter's value is read."""

    def read(self, value: Any, name: str) -> Any:
        """Return the typed value, or refuse it under this name without repeating it."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the value."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string of limited length; a pattern where one is known."""

    length_max: int = TEXT_LENGTH_MAX
    pattern: re.Pattern[str] | None = None
    expected: str = ""

    def read(self, value: Any, name: str) -> str:
        if type(value) is not str:
            raise _wrong(name, "Invalid string", "send a string")
        if len(value) > self.length_max:
            raise _wrong(
                name,
                f"Invalid string of {len(value)} characters",
                f"send at most {self.length_max} characters",
            )
        if self.pattern is not None and not self.pattern.fullmatch(value):
            raise _wrong(name, "Invalid value", self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "maxLength": self.length_max, "minLength": 1}
        if self.pattern is not None:
            schema["pattern"] = f"^{self.pattern.pattern}$"
        return schema


@dataclass(frozen=True, slots=True)
class Currency:
    """A three-letter ISO 4217 code, read into lower case."""

    def read(self, value: Any, name: str) -> str:
        if type(value) is str and len(value) == 3 and value.isascii() and value.isalpha():
            return value.lower()
        raise Refusal(
            Code.CURRENCY_INVALID,
            "Invalid currency: use a three-letter lower-case ISO 4217 code such as kes or usd.",
            param=name,
        )

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[A-Za-z]{3}$"}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number: a JSON integer or decimal digits, never a fraction."""

    minimum: int = 0
    maximum: int = INTEGER_MAX

    def read(self, value: Any, name: str) -> int:
        if type(value) is str and _INTEGER.fullmatch(value):
            value = int(value)
        if type(value) is not int:
            raise self._refusal(name, "Invalid integer: send whole digits without a fraction.")
        if value < self.minimum:
            raise self._refusal(
                name, f"This value must be greater than or equal to {self.minimum}."
            )
        if value > self.maximum:
            raise self._refusal(name, f"This value must be less than or equal to {self.maximum}.")
        return value

    def _refusal(self, name: str, message: str) -> Refusal:
        return Refusal(Code.PARAMETER_INVALID_INTEGER, f"{message} ({name})", param=name)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false, in a form as these words."""

    def read(self, value: Any, name: str) -> bool:
        if value is True or value == "true":
            return True
        if value is False or value == "false":
            return False
        raise _wrong(name, "Invalid boolean", "send true or false")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class OffSession:
    """Whether the customer is absent: true or false, or one of two older words for true."""

    def read(self, value: Any, name: str) -> bool:
        return True if value in ("one_off", "recurring") else Boolean().read(value, name)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    def read(self, value: Any, name: str) -> str:
        if type(value) is str and value in self.values:
            return value
        raise _wrong(name, "Invalid value", f"send one of {', '.join(self.values)}")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Items:
    """A list of one kind: JSON array, `name[]=x` or `name[0]=x`."""

    item: Kind
    count_max: int = 100
    count_min: int = 0

    def read(self, value: Any, name: str) -> list[Any]:
        if isinstance(value, dict):
            indices = [str(index) for index in range(len(value))]
            if sorted(value, key=len) != indices and set(value) != set(indices):
                raise _wrong(name, "Invalid array", f"send it as {name}[]")
            value = [value[index] for index in indices]
        if not isinstance(value, list):
            raise _wrong(name, "Invalid array", f"send it as {name}[]")
        if not self.count_min <= len(value) <= self.count_max:
            raise _wrong(
                name,
                f"Invalid array of {len(value)} items",
                f"send from {self.count_min} to {self.count_max}",
            )
        return [self.item.read(item, f"{name}[{index}]") for index, item in enumerate(value)]

    def schema(self) -> dict[str, Any]:
        return {
            "type": "array",
            "items": self.item.schema(),
            "minItems": self.count_min,
            "maxItems": self.count_max,
        }


@dataclass(frozen=True, slots=True)
class Metadata:
    """Key and value strings; an empty value removes a key (see `hazina.metadata.merged`)."""

    def read(self, value: Any, name: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise _wrong(name, "Invalid metadata", f"send it as {name}[key]=value")
        if len(value) > KEYS_MAX:
            raise _wrong(name, "Invalid metadata", f"send at most {KEYS_MAX} keys")
        result = {}
        for key, item in value.items():
            item_name = f"{name}[{shown(key)}]"
            if not key or len(key) > KEY_LENGTH_MAX or "[" in key or "]" in key:
                raise _wrong(
                    name,
                    "Invalid metadata key",
                    f"use 1 to {KEY_LENGTH_MAX} characters without square brackets",
                )
            if item is None:
                item = ""
            elif isinstance(item, bool):
                item = "true" if item else "false"
            elif isinstance(item, int):
                item = str(item)
            if not isinstance(item, str):
                raise _wrong(item_name, "Invalid metadata value", "send a string")
            if len(item) > VALUE_LENGTH_MAX:
                raise _wrong(
                    item_name,
                    "Invalid metadata value",
                    f"use at most {VALUE_LENGTH_MAX} characters",
                )
            result[key] = str(item)
        return result

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "maxProperties": KEYS_MAX,
            "additionalProperties": {"type": "string", "maxLength": VALUE_LENGTH_MAX},
        }


@dataclass(frozen=True, slots=True)
class Created:
    """A moment, or bounds of one: `created=1` or `created[gte]=1`; read as bounds."""

    def read(self, value: Any, name: str) -> dict[str, int]:
        moment = Integer(maximum=253_402_300_799)
        if not isinstance(value, dict):
            exact = moment.read(value, name)
            return {"gte": exact, "lte": exact}
        for bound in value:
            if bound not in ("gt", "gte", "lt", "lte"):
                raise unknown(f"{name}[{bound}]")
        return {bound: moment.read(item, f"{name}[{bound}]") for bound, item in value.items()}

    def schema(self) -> dict[str, Any]:
        moment = {"type": "integer", "minimum": 0, "maximum": 253_402_300_799}
        return {
            "type": "object",
            "properties": dict.fromkeys(("gt", "gte", "lt", "lte"), moment),
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its kind, whether it must be there, whether an empty value unsets it."""

    kind: Kind
    required: bool = False
    unsettable: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """A set of named parameters: those of a route, or of an object inside them.

    `unsupported` gives Stripe's parameters that we do not have, each with a sentence that says
    what to use instead.
    """

    params: Mapping[str, Param]
    unsupported: Mapping[str, str] = field(default_factory=dict)
    required: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        needed = tuple(name for name, param in self.params.items() if param.required)
        object.__setattr__(self, "required", needed)

    def read(self, value: Any, name: str = "") -> dict[str, Any]:
        """Return the typed values of what was sent, and of nothing else; None means emptied.

        Refuses `parameter_unknown`, `parameter_missing`, `parameter_invalid*`, `not_supported`.
        """
        if not isinstance(value, dict):
            raise _wrong(name, "Invalid object", f"send it as {name}[key]=value")
        params = self.params
        result: dict[str, Any] = {}
        for key, item in value.items():
            full_name = f"{name}[{key}]" if name else key
            param = params.get(key)
            if param is None:
                raise self._refuse_name(key, full_name)
            if item is None or item == "":
                if not param.unsettable:
                    raise _empty(full_name)
                result[key] = None
            else:
                result[key] = param.kind.read(item, full_name)
        for key in self.required:
            if key not in result:
                raise _missing(f"{name}[{key}]" if name else key)
        return result

    def _refuse_name(self, key: str, full_name: str) -> Refusal:
        instead = self.unsupported.get(key)
        if instead is None:
            return unknown(full_name)
        return Refusal(
            Code.NOT_SUPPORTED,
            f"Hazina does not support the parameter {full_name} yet: {instead}.",
            param=full_name,
        )

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the set."""
        properties = {}
        for name, param in self.params.items():
            schema = param.kind.schema()
            if param.about:
                schema["description"] = param.about
            properties[name] = schema
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if self.required:
            schema["required"] = list(self.required)
        return schema


def unknown(name: str) -> Refusal:
    """Refuse a parameter that does not exist, in Stripe's words."""
    name = shown(name)
    return Refusal(Code.PARAMETER_UNKNOWN, f"Received unknown parameter: {name}", param=name)


def _missing(name: str) -> Refusal:
    return Refusal(Code.PARAMETER_MISSING, f"Missing required param: {name}.", param=name)


def _empty(name: str) -> Refusal:
    return Refusal(
        Code.PARAMETER_INVALID_EMPTY,
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a field; however '{name}' cannot be unset. You should remove '{name}' from your request "
        "or supply a non-empty value.",
        param=name,
    )


def _wrong(name: str, what: str, instead: str) -> Refusal:
    return Refusal(Code.PARAMETER_INVALID, f"{what} for {name}: {instead}.", param=name)
