"""The query language: what is read from text, and what is refused where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hazina.refusals import Refusal
from hazina.search.query import CLAUSES_MAX, LENGTH_MAX, Clause, Operator, Query, parse

_FIELDS = st.sampled_from(["amount", "currency", "payment_method_details.card.last4", "and", "or"])
_VALUES = st.one_of(st.none(), st.text(min_size=1, max_size=20))
_CLAUSES = st.builds(
    Clause, _FIELDS, st.sampled_from(list(Operator)), _VALUES, st.booleans(), st.none()
) | st.builds(
    Clause, st.just("metadata"), st.just(Operator.EQUAL), _VALUES, st.booleans(),
    st.text(min_size=1, max_size=20),
)  # fmt: skip


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


def _written(clause: Clause, mark: str) -> str:
    key = f"[{_quoted(clause.key, mark)}]" if clause.key else ""
    value = "null" if clause.value is None else _quoted(clause.value, mark)
    return f"{'-' if clause.negated else ''}{clause.field}{key}{clause.operator}{value}"


@given(
    st.lists(_CLAUSES, min_size=1, max_size=CLAUSES_MAX),
    st.sampled_from([" ", " AND ", " and ", " OR ", "  or  "]),
    st.sampled_from("'\""),
)
def test_what_is_written_is_read_back(clauses: list[Clause], join: str, mark: str) -> None:
    found = parse(join.join(_written(clause, mark) for clause in clauses))
    bare = tuple(
        Clause(one.field, one.operator, one.value, one.negated, one.key) for one in found.clauses
    )
    assert bare == tuple(clauses)
    assert found.any_of == ("or" in join.lower() and len(clauses) > 1)


@given(st.text(max_size=60) | st.text(alphabet="ab-:~<>=\"'\\[]()1 ANDOR", max_size=60))
def test_any_text_is_read_or_refused_at_a_place_in_it(text: str) -> None:
    try:
        parse(text)
        return
    except Refusal as refusal:
        found = refusal
    assert (found.code, found.param) == ("search_query_invalid", "query")
    position = int(found.message.split("character ")[1].split(":")[0])
    assert 1 <= position <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "clause"),
        ("   ", 4, "clause"),
        ("currency:usd", 10, "quotes"),
        ('currency:"usd', 10, "never closed"),
        ('currency "usd"', 9, "operator"),
        ('currency: "usd"', 10, "value"),
        ('(currency:"usd")', 1, "parentheses"),
        ('amount>5 AND currency:"usd" OR amount<3', 29, "mixed"),
        ('amount>5 OR currency:"usd" amount<3', 28, "mixed"),
        ('metadata:"x"', 9, "by key"),
        ('metadata["k]:"x"', 15, "by key"),
        ('metadata[""]:"x"', 12, "by key"),
        ('currency:""', 12, "empty"),
        ("amount>5 AND", 13, "operator"),
        ('currency:"usd"amount>5', 15, "space"),
        ("amount>5x", 8, "value"),
        ("amount>5.5", 8, "value"),
        (" ".join(["amount>5"] * 11), 91, "10 clauses"),
        ("x" * (LENGTH_MAX + 1), LENGTH_MAX + 1, "characters"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(
    text: str, position: int, words: str
) -> None:
    with pytest.raises(Refusal) as caught:
        parse(text)
    assert f"at character {position}: " in caught.value.message
    assert words in caught.value.message


def test_stripes_own_examples_are_read() -> None:
    assert parse("amount>1000").clauses[0].value == "1000"
    assert parse("payment_method_details.card.last4:4242").clauses[0].value == "4242"
    assert parse('-metadata["donation-id"]:null') == Query(
        (Clause("metadata", Operator.EQUAL, None, True, "donation-id"),)
    )
    escaped = r'description:"the story called \"The Sky and the Sea.\""'
    assert parse(escaped).clauses[0].value == 'the story called "The Sky and the Sea."'
    assert parse("metadata['key']:'value' AND currency:'usd'").clauses[0].key == "key"
