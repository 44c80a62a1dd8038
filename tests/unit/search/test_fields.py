"""Translation: SQL text comes from the fields alone, and each field takes what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hazina.customers.searching import CUSTOMERS
from hazina.payments.searching import CHARGES, INTENTS
from hazina.refusals import Refusal
from hazina.search.engine import Resource, created_bounds
from hazina.search.fields import translate
from hazina.search.query import Clause, Operator, Query, parse

_RESOURCES = (INTENTS, CHARGES, CUSTOMERS)
_TEXT = st.text(min_size=3, max_size=30)


def _sql(resource: Resource, clause: Clause) -> str | None:
    try:
        return translate(Query((clause,)), resource.fields).sql
    except Refusal:
        return None


@given(st.sampled_from(_RESOURCES), st.data(), _TEXT, _TEXT, st.booleans())
def test_sql_is_the_same_whatever_value_and_key_are(
    resource: Resource, data: st.DataObject, value: str, key: str, negated: bool
) -> None:
    field = data.draw(st.sampled_from(sorted(resource.fields)))
    operator = data.draw(st.sampled_from(list(Operator)))
    mine = _sql(resource, Clause(field, operator, value, negated, key))
    plain = _sql(resource, Clause(field, operator, "plain", negated, "plain"))
    if mine is not None and plain is not None:
        assert mine == plain


@given(st.sampled_from(_RESOURCES), _TEXT)
def test_a_field_that_is_not_listed_is_refused_and_not_repeated(
    resource: Resource, name: str
) -> None:
    wanted = f"t.{name}"
    with pytest.raises(Refusal) as caught:
        translate(Query((Clause(wanted, Operator.EQUAL, "x"),)), resource.fields)
    assert wanted not in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        'currency>"usd"', 'currency~"usd"', "amount~5", 'amount:"much"', "amount:null",
        "amount>1234567890123456789", "created~1", 'metadata["k"]~"abc"', 'refunded:"maybe"',
        "disputed:null", 'status>"succeeded"',
    ],
)  # fmt: skip
def test_operators_and_values_that_are_not_the_fields_are_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        translate(parse(text), CHARGES.fields)
    assert caught.value.code == "search_query_invalid"


@pytest.mark.parametrize("text", ['name~"ab"', "email~null", 'amount:"5"'])
def test_customers_are_not_searched_by_short_parts_nor_amounts(text: str) -> None:
    with pytest.raises(Refusal):
        translate(parse(text), CUSTOMERS.fields)


def test_bounds_are_those_that_every_result_keeps() -> None:
    assert created_bounds(parse("created>5 created>9 created<=20")) == {"gt": 9, "lte": 20}
    assert created_bounds(parse("created:7")) == {"gte": 7, "lte": 7}
    assert created_bounds(parse("-created>5 amount>3")) == {}
    assert created_bounds(parse("created>5 OR amount>3")) == {}
