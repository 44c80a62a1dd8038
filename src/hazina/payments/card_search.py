"""Searching charges by what they show of their card."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hazina.payment_methods.test_methods import TestMethod, all_methods
from hazina.search.fields import Condition, Field, Numeric, Token
from hazina.search.query import Clause, Operator

_COMPARED: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq, Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge, Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OfCard:
    """One field of a charge's card.

    A charge keeps it of a stored card. Of a well-known test card it keeps the card's name alone,
    and `known` says what that shows.
    """

    field: Field
    known: Callable[[TestMethod], Any]

    @property
    def about(self) -> str:
        """Say which values and operators it takes."""
        return self.field.about

    def condition(self, clause: Clause, name: str) -> Condition:
        """Return the condition of a clause."""
        kept = self.field.condition(replace(clause, negated=False), name)
        wanted = kept.parameters.get(name)
        compared = _COMPARED[clause.operator]
        names = {
            method.id
            for method in all_methods().values()
            if wanted is not None and compared(self.known(method), wanted)
        }
        sql = (
            f"({kept.sql}) IS TRUE AND t.details ? 'card'"
            f" OR NOT t.details ? 'card' AND t.payment_method = ANY(%({name}m)s::text[])"
        )
        parameters = dict(kept.parameters) | {f"{name}m": sorted(names)}
        return Condition(f"NOT ({sql})" if clause.negated else sql, parameters)


def _words(name: str, known: Callable[[TestMethod], str]) -> OfCard:
    return OfCard(Token(f"lower(t.details -> 'card' ->> '{name}')"), known)


def _number(name: str, known: Callable[[TestMethod], int]) -> OfCard:
    return OfCard(Numeric(f"(t.details -> 'card' ->> '{name}')::bigint"), known)


_CARD = "payment_method_details.card"
CARD_FIELDS: dict[str, Field] = {
    f"{_CARD}.brand": _words("brand", lambda method: method.brand),
    f"{_CARD}.exp_month": _number("exp_month", lambda method: method.exp_month),
    f"{_CARD}.exp_year": _number("exp_year", lambda method: method.exp_year),
    f"{_CARD}.fingerprint": _words("fingerprint", lambda method: method.fingerprint.lower()),
    f"{_CARD}.last4": _words("last4", lambda method: method.last4),
}
