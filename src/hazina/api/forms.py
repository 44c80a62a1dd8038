"""Bodies and query strings: bytes to nested parameters, or a refusal that never echoes them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from hazina.refusals import Code, Refusal

BODY_BYTES_MAX = 1024 * 1024
PARAMETERS_MAX = 1000
JSON_VALUES_MAX = 20_000
"""JSON is bounded by its bytes; bulks of the ledger need more values than a form can send."""
DEPTH_MAX = 8

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

_SHOWN = re.compile(r"[A-Za-z_][A-Za-z0-9_\[\].\-]{0,79}")
_CARD_LIKE = re.compile(r"\d(?:[^A-Za-z]?\d){11}")
_PARTS = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


class Fractional(str):
    """A JSON number with a fraction or an exponent, kept as it was written."""

    __slots__ = ()


def shown(name: str) -> str:
    """Return a parameter's name for a message, unless it could be anything but a name.

    Card data sent by mistake as a name must not come back in an answer or reach a log.
    """
    if _SHOWN.fullmatch(name) and not _CARD_LIKE.search(name):
        return name
    return "(name not shown)"


def decode(content_type: str, body: bytes, query: bytes) -> dict[str, Any]:
    """Return the parameters of a POST.

    Refuses `body_invalid` for anything but a form or a JSON object in UTF-8 within the limits.
    """
    if not body:
        return decode_form(query)
    media_type, _, attributes = content_type.partition(";")
    media_type = media_type.strip().lower()
    if attributes and "charset" in attributes.lower() and "utf-8" not in attributes.lower():
        raise _invalid("The request body must be UTF-8.")
    if media_type == FORM:
        return decode_form(body + b"&" + query if query else body)
    if media_type != JSON:
        raise _invalid(f"Invalid request body: send it as Content-Type {FORM} or {JSON}.")
    if query:
        raise _invalid("Send parameters in the JSON body or in the query string, not in both.")
    return decode_json(body)


def decode_form(data: bytes) -> dict[str, Any]:
    """Return the parameters of `a=1&b[c]=2&d[]=3`.

    Lists with numbered items (`d[0]=3`) are left as mappings: only the schema of the route knows
    whether a list was meant. Refuses `body_invalid`.
    """
    result: dict[str, Any] = {}
    if not data:
        return result
    pairs = data.split(b"&")
    if len(pairs) > PARAMETERS_MAX:
        raise _too_many()
    for pair in pairs:
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _text(raw_name), _text(raw_value)
        if "[" in name or "]" in name:
            _place(result, name, value)
        elif name in result:
            raise _twice(name)
        elif name:
            result[name] = value
        else:
            raise _invalid("A parameter without a name was sent.")
    return result


def decode_json(body: bytes) -> dict[str, Any]:
    """Return the parameters of a JSON object. Refuses `body_invalid`."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=Fractional,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise _not_utf8() from None
    except (ValueError, RecursionError):
        raise _invalid("The request body is not valid JSON, or is nested too deeply.") from None
    if not isinstance(value, dict):
        raise _invalid("The JSON body must be an object.")
    if _count(value, 1) > JSON_VALUES_MAX:
        raise _too_many(JSON_VALUES_MAX)
    return value


def _text(raw: bytes) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    if b"\0" in raw:
        raise _no_null()
    try:
        # Strict UTF-8 also refuses encoded surrogates.
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_utf8() from None


def _place(result: dict[str, Any], name: str, value: str) -> None:
    match = _PARTS.fullmatch(name)
    if match is None:
        raise _invalid(f"The parameter name {shown(name)} has brackets that do not match.")
    parts = [match[1]]
    if match[2]:
        parts += match[2][1:-1].split("][")
    if len(parts) > DEPTH_MAX:
        raise _too_deep()
    target: Any = result
    for index, part in enumerate(parts[:-1]):
        target = _descend(target, part, parts[index + 1], name)
    last = parts[-1]
    if last == "" and isinstance(target, list):
        target.append(value)
    elif last == "" or not isinstance(target, dict):
        raise _conflict(name)
    elif last in target:
        raise _twice(name)
    else:
        target[last] = value


def _descend(target: Any, part: str, following: str, name: str) -> Any:
    """Return the container that `part` names, made if it is new."""
    wanted: type[Any] = list if following == "" else dict
    if isinstance(target, list):
        # items[][price]=1&items[][quantity]=2: a name that the last item has starts the next item.
        if part != "" or wanted is list:
            raise _conflict(name)
        if not target or not isinstance(target[-1], dict) or following in target[-1]:
            target.append({})
        return target[-1]
    if part == "":
        raise _conflict(name)
    found = target.get(part)
    if found is None:
        found = target[part] = wanted()
    elif type(found) is not wanted:
        raise _conflict(name)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        raise _twice(next(name for name in names if names.count(name) > 1))
    return result


def _no_constant(_: str) -> None:
    raise _invalid("NaN and Infinity are not JSON.")


def _count(value: Any, depth: int) -> int:
    """Count the parameters, and refuse depth and characters that cannot be stored."""
    if isinstance(value, str):
        _check_characters(value)
        return 1
    if not isinstance(value, dict | list):
        return 1
    if depth > DEPTH_MAX:
        raise _too_deep()
    if isinstance(value, list):
        return 1 + sum(_count(item, depth + 1) for item in value)
    for name in value:
        _check_characters(name)
    return 1 + sum(_count(item, depth + 1) for item in value.values())


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise _no_null()
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _not_utf8() from None


def _invalid(message: str, param: str | None = None) -> Refusal:
    return Refusal(Code.BODY_INVALID, message, param=param)


def _twice(name: str) -> Refusal:
    return _invalid(f"The parameter {shown(name)} was sent twice; send it once.", shown(name))


def _conflict(name: str) -> Refusal:
    return _invalid(
        f"The parameter {shown(name)} was sent in two forms that conflict; send it in one.",
        shown(name),
    )


def _no_null() -> Refusal:
    return _invalid("The request holds the character U+0000, which cannot be stored; remove it.")


def _not_utf8() -> Refusal:
    return _invalid("The request holds bytes or characters that are not valid UTF-8.")


def _too_many(limit: int = PARAMETERS_MAX) -> Refusal:
    return _invalid(f"The request has more than {limit} parameters; send fewer.")


def _too_deep() -> Refusal:
    return _invalid(f"The parameters are nested deeper than {DEPTH_MAX} levels.")
