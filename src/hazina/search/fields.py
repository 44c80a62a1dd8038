"""Kinds of searchable fields: each turns a clause into a condition on a column that we name.

Nothing that a client sends becomes part of SQL text: fields give the text, values are parameters.
Conditions may also name the parameter `merchant_id`, which every search has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hazina.search.query import Clause, Operator, Query, refused

_DIGITS_MAX = 18
_SUBSTRING_LENGTH_MIN = 3
_WHOLE = re.compile(r"-?[0-9]+")
_MOMENT_MAX = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true of the rows searched for, and the parameters that it names."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Field(Protocol):
    """A searchable field of a resource."""

    @property
    def about(self) -> str:
        """Which values and operators it takes, for documentation and refusals."""

    def condition(self, clause: Clause, name: str) -> Condition:
        """Return the condition of a clause; its parameters' names begin with `name`.

        Refuses `search_query_invalid` for operators and values that are not the field's.
        """


def translate(query: Query, fields: Mapping[str, Field]) -> Condition:
    """Return the condition of a whole query over these fields.

    Refuses `search_query_invalid` for fields, operators and values that do not exist.
    """
    parts = []
    parameters: dict[str, Any] = {}
    for number, clause in enumerate(query.clauses):
        found = fields.get(clause.field)
        if found is None:
            names = ", ".join(sorted(fields))
            raise refused(clause.position, f"there is no such field; it can search {names}")
        one = found.condition(clause, f"q{number}")
        parts.append(f"({one.sql})")
        parameters |= one.parameters
    return Condition((" OR " if query.any_of else " AND ").join(parts), parameters)


def _only(clause: Clause, about: str, *operators: Operator) -> None:
    if clause.operator not in operators:
        raise refused(clause.position, f"this field takes {about}")


def _unless(clause: Clause, sql: str) -> str:
    """Negate a condition where the clause is negated; what is null then matches."""
    return f"({sql}) IS NOT TRUE" if clause.negated else sql


@dataclass(frozen=True, slots=True)
class Token:
    """Text that is compared as a whole. The column holds lower case, unless `exact`.

    `filled` columns are never null; their negation can use an index.
    """

    column: str
    exact: bool = False
    filled: bool = False
    about: str = "a value in quotes or null, by the operator :"

    def condition(self, clause: Clause, name: str) -> Condition:
        _only(clause, self.about, Operator.EQUAL)
        if clause.value is None:
            return Condition(f"{self.column} IS {'NOT ' if clause.negated else ''}NULL")
        value = clause.value if self.exact else clause.value.lower()
        parameters = {name: value}
        if clause.negated and self.filled:
            # Two ranges, since an index cannot serve "not equal".
            return Condition(
                f"{self.column} < %({name})s::text OR {self.column} > %({name})s::text", parameters
            )
        return Condition(_unless(clause, f"{self.column} = %({name})s::text"), parameters)


@dataclass(frozen=True, slots=True)
class Resting:
    """A state in which nearly all rows end up being the `usual` one.

    `at_rest` is an indexed column that is null in the usual state, and while a row is on its way
    there; else it holds the state.
    """

    column: str
    at_rest: str
    usual: str
    about: str = "a value in quotes or null, by the operator :"

    def condition(self, clause: Clause, name: str) -> Condition:
        word = None if clause.value is None else clause.value.lower()
        if word == self.usual and clause.operator is Operator.EQUAL:
            if clause.negated:
                return Condition(f"{self.at_rest} IS NOT NULL")
            return Condition(f"{self.column} = %({name})s::text", {name: word})
        column = self.column if clause.negated or word is None else self.at_rest
        return Token(column, filled=True, about=self.about).condition(clause, name)


@dataclass(frozen=True, slots=True)
class Numeric:
    """A whole number."""

    column: str
    about: str = "a whole number, by one of the operators : > < >= <="

    def condition(self, clause: Clause, name: str) -> Condition:
        number = _number(clause, self.about)
        sign = "=" if clause.operator is Operator.EQUAL else clause.operator.value
        sql = f"{self.column} {sign} %({name})s::bigint"
        return Condition(_unless(clause, sql), {name: number})


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as Unix time in whole seconds."""

    column: str
    about: str = "a Unix time in seconds, by one of the operators : > < >= <="

    def condition(self, clause: Clause, name: str) -> Condition:
        number = _number(clause, self.about)
        number = max(-1, min(number, _MOMENT_MAX))
        this = f"to_timestamp(%({name})s::bigint)"
        after = f"to_timestamp(%({name})s::bigint + 1)"
        match clause.operator:
            case Operator.EQUAL:
                sql = f"{self.column} >= {this} AND {self.column} < {after}"
            case Operator.GREATER:
                sql = f"{self.column} >= {after}"
            case Operator.GREATER_OR_EQUAL:
                sql = f"{self.column} >= {this}"
            case Operator.LESS:
                sql = f"{self.column} < {this}"
            case _:
                sql = f"{self.column} < {after}"
        return Condition(_unless(clause, sql), {name: number})


@dataclass(frozen=True, slots=True)
class Words:
    """Text of several words: whole words in this order by `:`, any part of it by `~`.

    `terms`, where there is an index, is SQL for the indexed array in which every word stands as
    `search_term(merchant_id, label, word)`. What a word is, only the database says, for the column
    and for the value alike.
    """

    column: str
    label: str
    terms: str | None = None
    about: str = "words in quotes or null by the operator :, or at least 3 characters by ~"

    def condition(self, clause: Clause, name: str) -> Condition:
        _only(clause, self.about, Operator.EQUAL, Operator.CONTAINS)
        if clause.value is None:
            if clause.operator is Operator.CONTAINS:
                raise refused(clause.position, f"this field takes {self.about}")
            return Condition(f"{self.column} IS {'NOT ' if clause.negated else ''}NULL")
        if clause.operator is Operator.CONTAINS:
            if len(clause.value) < _SUBSTRING_LENGTH_MIN:
                raise refused(
                    clause.position, f"~ needs at least {_SUBSTRING_LENGTH_MIN} characters"
                )
            sql = f"strpos(lower({self.column}), lower(%({name})s::text)) > 0"
            return Condition(_unless(clause, sql), {name: clause.value})
        phrase = f"%({name})s::text"
        sql = f"strpos(search_words({self.column}), search_words({phrase})) > 0"
        if self.terms is not None:
            indexed = (
                f"{self.terms} @> search_terms(%(merchant_id)s::text, '{self.label}', {phrase})"
            )
            sql = f"{indexed} AND {sql}"
        return Condition(_unless(clause, sql), {name: clause.value})


@dataclass(frozen=True, slots=True)
class MetadataOf:
    """The metadata of a row: a key's value, or whether it has the key.

    `terms`, where there is an index, is SQL for the indexed array of `search_term(merchant_id, key,
    value)`; the index holds only rows that have metadata, which the condition therefore says too.
    """

    terms: str | None = None
    column: str = "t.metadata"
    about: str = 'metadata["key"]:"value" or metadata["key"]:null'

    def condition(self, clause: Clause, name: str) -> Condition:
        _only(clause, self.about, Operator.EQUAL)
        assert clause.key is not None
        key = f"%({name}k)s::text"
        parameters: dict[str, Any] = {f"{name}k": clause.key}
        if clause.value is None and not clause.negated:
            return Condition(f"NOT ({self.column} ? {key})", parameters)
        value, sql = "NULL", f"{self.column} ? {key}"
        if clause.value is not None:
            value = f"%({name})s::text"
            # Whoever plans this must go by the term: for him, coalesce is a coin's toss.
            sql = f"coalesce(lower({self.column} ->> {key}) = lower({value}), false)"
            parameters[name] = clause.value
        if self.terms is not None:
            term = f"search_term(%(merchant_id)s::text, {key}, {value})"
            sql = f"{self.column} <> '{{}}' AND {self.terms} @> ARRAY[{term}] AND {sql}"
        # -metadata["key"]:null asks for the key's presence, which is not a negation.
        return Condition(sql if clause.value is None else _unless(clause, sql), parameters)


@dataclass(frozen=True, slots=True)
class Flag:
    """One of a few words, each with the SQL that it means; None is null."""

    meanings: Mapping[str | None, str]
    about: str = '"true", "false" or null, by the operator :'

    def condition(self, clause: Clause, name: str) -> Condition:
        _only(clause, self.about, Operator.EQUAL)
        word = None if clause.value is None else clause.value.lower()
        sql = self.meanings.get(word)
        if sql is None:
            raise refused(clause.position, f"this field takes {self.about}")
        return Condition(_unless(clause, sql))


def _number(clause: Clause, about: str) -> int:
    if clause.operator is Operator.CONTAINS or clause.value is None:
        raise refused(clause.position, f"this field takes {about}")
    if not _WHOLE.fullmatch(clause.value) or not clause.value.isascii():
        raise refused(clause.position, f"this field takes {about}")
    if len(clause.value.lstrip("-")) > _DIGITS_MAX:
        raise refused(clause.position, f"a number has at most {_DIGITS_MAX} digits")
    return int(clause.value)
