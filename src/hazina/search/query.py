"""Parsing of search queries (docs.stripe.com/search): text to clauses, pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hazina.refusals import Code, Refusal

LENGTH_MAX = 2_000
CLAUSES_MAX = 10


class Operator(StrEnum):
    """How a field is compared with a value."""

    EQUAL = ":"
    CONTAINS = "~"
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="


@dataclass(frozen=True, slots=True)
class Clause:
    """One `field operator value`. `value` None stands for null, `key` for metadata's key.

    `position` is where the clause begins in the query, counted from 1.
    """

    field: str
    operator: Operator
    value: str | None
    negated: bool = False
    key: str | None = None
    position: int = 1


@dataclass(frozen=True, slots=True)
class Query:
    """Clauses that must all hold, or, with `any_of`, of which one is enough."""

    clauses: tuple[Clause, ...]
    any_of: bool = False


_SPACE = re.compile(r"\s*")
_JOIN = re.compile(r"(AND|OR)(?=\s)", re.IGNORECASE)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_OPERATOR = re.compile(r">=|<=|[:~<>]")
_BARE = re.compile(r"null(?![^\s])|-?[0-9]+(?![^\s])", re.IGNORECASE)


def parse(text: str) -> Query:
    """Read a query.

    Refuses `search_query_invalid`, with the position of what could not be read and what would be
    right there; the query itself is not repeated.
    """
    if len(text) > LENGTH_MAX:
        raise refused(LENGTH_MAX + 1, f"a query has at most {LENGTH_MAX} characters")
    reader = _Reader(text)
    clauses = [reader.clause()]
    joins: set[str] = set()
    while not reader.at_end():
        at = reader.position
        joins.add(reader.join())
        if len(joins) > 1:
            raise refused(
                at,
                "AND (or a space, which means AND) and OR cannot be mixed in one query; make two "
                "searches",
            )
        if len(clauses) == CLAUSES_MAX:
            raise refused(at, f"a query has at most {CLAUSES_MAX} clauses")
        clauses.append(reader.clause())
    return Query(tuple(clauses), any_of=joins == {"OR"})


def refused(position: int, what: str) -> Refusal:
    """Return the refusal of a query, pointing at a position in it."""
    return Refusal(
        Code.SEARCH_QUERY_INVALID,
        f"The search query cannot be read at character {position}: {what}.",
        param="query",
    )


class _Reader:
    """Reads one query from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def position(self) -> int:
        return self._at + 1

    def at_end(self) -> bool:
        """Skip white space and say whether nothing is left."""
        self._match(_SPACE)
        return self._at == len(self._text)

    def join(self) -> str:
        """Read what stands between two clauses; nothing but white space means AND."""
        if not self._text[self._at - 1].isspace():
            raise self._refused("put a space between two clauses")
        word = self._match(_JOIN)
        return "AND" if word is None else word.upper()

    def clause(self) -> Clause:
        """Read one clause."""
        if self.at_end():
            raise self._refused('a clause such as status:"succeeded" is expected')
        start = self.position
        negated = self._skip("-")
        if self._skip("("):
            self._at -= 1
            raise self._refused("parentheses are not part of the query language")
        field = self._match(_FIELD)
        if field is None:
            raise self._refused("the name of a field is expected")
        key = self._key() if field == "metadata" else None
        operator = self._match(_OPERATOR)
        if operator is None:
            raise self._refused(
                "an operator (one of : ~ > < >= <=) is expected right after the field"
            )
        return Clause(field, Operator(operator), self._value(), negated, key, start)

    def _key(self) -> str:
        expected = 'metadata is searched by key, as in metadata["order"]:"6735"'
        if not self._skip("["):
            raise self._refused(expected)
        key = self._quoted()
        if not key or not self._skip("]"):
            raise self._refused(expected)
        return key

    def _value(self) -> str | None:
        if self._text[self._at : self._at + 1] in ("'", '"'):
            value = self._quoted()
            assert value is not None
            if not value:
                raise self._refused("an empty value matches nothing; search for null instead")
            return value
        bare = self._match(_BARE)
        if bare is None:
            raise self._refused(
                'a value is expected: text in quotes, as in "usd", a whole number, or null'
            )
        return None if bare.lower() == "null" else bare

    def _quoted(self) -> str | None:
        """Read text in single or double quotes; a backslash keeps what follows it as it is."""
        quote = self._text[self._at : self._at + 1]
        if quote not in ("'", '"') or not quote:
            return None
        start = self._at
        found: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            letter = self._text[self._at]
            self._at += 1
            if letter == quote:
                return "".join(found)
            if letter == "\\" and self._at < len(self._text):
                letter = self._text[self._at]
                self._at += 1
            found.append(letter)
        self._at = start
        raise self._refused("the quotation mark that opens here is never closed")

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found.group()

    def _skip(self, letter: str) -> bool:
        if self._text[self._at : self._at + 1] != letter:
            return False
        self._at += 1
        return True

    def _refused(self, what: str) -> Refusal:
        return refused(self.position, what)
