"""Bodies become parameters, and what cannot be read is refused without being repeated."""

from __future__ import annotations

import pytest

from hazina.api import forms
from hazina.refusals import Code, Refusal


def test_brackets_become_objects_and_lists() -> None:
    body = b"amount=5&metadata[a]=1&metadata%5Bb%5D=x+y%26&expand[]=p&expand[]=q&s[a][b]=z"
    assert forms.decode(forms.FORM, body, b"") == {
        "amount": "5", "metadata": {"a": "1", "b": "x y&"}, "expand": ["p", "q"],
        "s": {"a": {"b": "z"}},
    }  # fmt: skip


def test_items_of_objects_start_anew_when_a_name_repeats() -> None:
    body = b"items[][price]=1&items[][quantity]=2&items[][price]=3"
    assert forms.decode_form(body) == {"items": [{"price": "1", "quantity": "2"}, {"price": "3"}]}


def test_a_form_and_json_mean_the_same() -> None:
    json = b'{"metadata":{"a":"1"},"expand":["p"]}'
    assert forms.decode("application/json; charset=utf-8", json, b"") == forms.decode_form(
        b"expand[]=p&metadata[a]=1"
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (forms.FORM, b"a=1&a=2"),
        (forms.FORM, b"a=1&a[b]=2"),
        (forms.FORM, b"a[b]=1&a[]=2"),
        (forms.FORM, b"a[b]=1&a[b]=2"),
        (forms.FORM, b"a[b]=1&a=2"),
        (forms.FORM, b"a[b=1"),
        (forms.FORM, b"a]b=1"),
        (forms.FORM, b"=1"),
        (forms.FORM, b"a=%00"),
        (forms.FORM, b"a=%ff"),
        (forms.FORM, b"a=%ed%a0%80"),
        (forms.FORM, b"a[b][c][d][e][f][g][h][i]=1"),
        (forms.FORM, b"&".join(b"a%d=1" % n for n in range(1001))),
        (forms.JSON, b'{"a":1,"a":2}'),
        (forms.JSON, b'{"a":"\\ud800"}'),
        (forms.JSON, b'{"a":"\\u0000"}'),
        (forms.JSON, b'{"\\ud800":1}'),
        (forms.JSON, b'{"a":NaN}'),
        (forms.JSON, b"[1]"),
        (forms.JSON, b"{"),
        (forms.JSON, b'{"a":' + b"[" * 9 + b"]" * 9 + b"}"),
        (forms.JSON, b'{"a":' + b"[" * 200_000),
        (forms.JSON, b'{"a":[' + b",".join([b"1"] * 20_001) + b"]}"),
        (forms.JSON, b'{"a":"\xff"}'),
        ("multipart/form-data; boundary=x", b"x"),
        ("", b"a=1"),
        (forms.FORM + "; charset=latin-1", b"a=1"),
    ],
)
def test_what_cannot_be_read_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        forms.decode(content_type, body, b"")
    assert caught.value.code is Code.BODY_INVALID


def test_a_card_number_sent_as_a_name_is_not_repeated() -> None:
    with pytest.raises(Refusal) as caught:
        forms.decode_form(b"card[4242424242424242]=1&card[4242424242424242]=2")
    assert "4242" not in caught.value.message + str(caught.value.param)
