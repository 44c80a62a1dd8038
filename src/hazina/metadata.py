"""Metadata: how what a client sends changes what an object has (Stripe's merge rules)."""

from __future__ import annotations

from collections.abc import Mapping

from hazina.refusals import Code, Refusal

KEYS_MAX = 50
KEY_LENGTH_MAX = 40
VALUE_LENGTH_MAX = 500


def merged(existing: Mapping[str, str], change: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return the metadata after a change: None clears all, an empty value removes its key.

    Refuses `parameter_invalid` when more than 50 keys would remain.
    """
    if change is None:
        return {}
    result = dict(existing)
    for key, value in change.items():
        if value:
            result[key] = value
        else:
            result.pop(key, None)
    if len(result) > KEYS_MAX:
        raise Refusal(
            Code.PARAMETER_INVALID,
            f"Metadata can have up to {KEYS_MAX} keys; remove some by giving them an empty value.",
            param="metadata",
        )
    return result
