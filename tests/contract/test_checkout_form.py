"""The hosted page over plain HTTP: its headers, its guard, and what it never shows."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.support.served import FORM, Served, served

CARD = {"number": "4242424242424242", "expiry": "12/34", "cvc": "123", "name": "Amina Wanjiru"}
SALE = {
    "line_items[0][price_data][currency]": "kes",
    "line_items[0][price_data][unit_amount]": 150_000,
    "line_items[0][price_data][product_data][name]": "<script>alert(1)</script>",
    "line_items[0][quantity]": 1,
    "cancel_url": "https://shop.example/basket?a=1&b=2",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer of the page."""

    status: int
    headers: dict[str, str]
    text: str

    def hidden(self, name: str) -> str:
        """Return the value of a hidden field."""
        found = re.search(f'name="{name}" value="([^"]+)"', self.text)
        assert found is not None, self.text
        return found[1]

    @property
    def cookie(self) -> str:
        """Return the cookie that was set, as a browser sends it back."""
        return self.headers["set-cookie"].partition(";")[0]


class Shop:
    """Opens sessions and looks at their pages."""

    def __init__(self, api: Served) -> None:
        self.api = api

    def opened(self, **more: Any) -> str:
        """Open a session; return its id."""
        answer = self.api.send("POST", "/v1/checkout/sessions", urlencode(SALE | more).encode())
        assert answer.status == 200, answer.body
        return str(answer.body["id"])

    def session(self, session_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.send("GET", f"/v1/checkout/sessions/{session_id}").body
        return found

    def look(self, path: str, cookie: str = "") -> Seen:
        return self._ask("GET", path, None, {"Cookie": cookie})

    def send(self, session_id: str, fields: dict[str, str], **headers: str) -> Seen:
        sent = {"Content-Type": FORM} | {name.replace("_", "-"): v for name, v in headers.items()}
        return self._ask("POST", f"/c/pay/{session_id}", urlencode(fields).encode(), sent)

    def pay(self, session_id: str, **card: str) -> Seen:
        """Fill the form in as a browser would."""
        page = self.look(f"/c/pay/{session_id}")
        fields = {"token": page.hidden("token"), "attempt": page.hidden("attempt")}
        fields |= {"email": "amina@example.com"} | CARD | card
        return self.send(session_id, fields, Cookie=page.cookie)

    def event_types(self, start: str) -> list[str]:
        found = self.api.send("GET", "/v1/events?limit=100").body["data"]
        return [one["type"] for one in reversed(found) if one["type"].startswith(start)]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Seen:
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        return Seen(reply.status, {k.lower(): v for k, v in reply.getheaders()}, text)


@pytest.fixture
def shop(test_run: Any) -> Iterator[Shop]:
    with test_run.database() as url, served(url) as running:
        yield Shop(running)


def test_the_page_lets_nothing_in_from_elsewhere_and_escapes_what_a_merchant_wrote(
    shop: Shop,
) -> None:
    page = shop.look(f"/c/pay/{shop.opened()}")
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert "SameSite=Lax" in page.headers["set-cookie"]
    assert "HttpOnly" in page.headers["set-cookie"]
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "style=" not in page.text
    assert "1,500.00 KES" in page.text


def test_a_form_counts_only_with_the_cookie_and_token_that_came_with_it(shop: Shop) -> None:
    mine, other = shop.opened(), shop.opened()
    page = shop.look(f"/c/pay/{mine}")
    fields = {"token": page.hidden("token"), "attempt": page.hidden("attempt")} | CARD
    fields |= {"email": "amina@example.com"}
    assert shop.send(mine, fields).status == 403
    assert shop.send(other, fields, Cookie=page.cookie).status == 403
    assert shop.send(mine, fields | {"token": "x"}, Cookie=page.cookie).status == 403
    foreign = shop.send(mine, fields, Cookie=page.cookie, Sec_Fetch_Site="cross-site")
    assert foreign.status == 403
    assert shop.session(mine)["payment_intent"] is None
    assert shop.send(mine, fields, Cookie=page.cookie).status == 303
    assert shop.session(mine)["payment_status"] == "paid"


def test_one_attempt_sent_twice_is_one_charge(shop: Shop) -> None:
    session_id = shop.opened()
    page = shop.look(f"/c/pay/{session_id}")
    fields = {"token": page.hidden("token"), "attempt": page.hidden("attempt")} | CARD
    fields |= {"email": "amina@example.com"}
    first = shop.send(session_id, fields, Cookie=page.cookie)
    again = shop.send(session_id, fields, Cookie=page.cookie)
    assert (first.status, again.status) == (303, 303)
    assert len(shop.api.send("GET", "/v1/charges").body["data"]) == 1
    assert shop.event_types("checkout") == ["checkout.session.completed"]


@pytest.mark.parametrize(
    "card", [{}, {"number": "4000000000000002"}, {"number": "4242424242424241"}, {"cvc": "9"}]
)
def test_no_card_data_reaches_the_database_or_comes_back(shop: Shop, card: dict[str, str]) -> None:
    number = (CARD | card)["number"]
    answer = shop.pay(shop.opened(), **card)
    assert number not in answer.text
    assert "Wanjiru" not in answer.text
    with psycopg.connect(shop.api.database_url) as connection:
        tables = connection.execute(
            "SELECT format('%I', table_name) FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            query = f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s"
            found = connection.execute(query.encode(), (f"%{number}%",)).fetchone()
            assert found == (0,), table


def test_a_session_cannot_be_expired_while_its_payment_is_unknown(shop: Shop) -> None:
    fault = {"payment_intent_data[metadata][sandbox_fault]": "timeout_after_effect,no_callback"}
    session_id = shop.opened(**fault)
    moved = shop.pay(session_id)
    assert (moved.status, moved.headers["location"]) == (303, f"/c/pay/{session_id}/wait")
    asking = shop.look(f"/c/pay/{session_id}/wait")
    assert "We are asking about your payment" in asking.text
    assert asking.headers["refresh"].startswith("3; url=/c/pay/")

    refused = shop.api.send("POST", f"/v1/checkout/sessions/{session_id}/expire")

    assert (refused.status, refused.body["error"]["code"]) == (409, "operation_in_progress")
    assert shop.session(session_id)["status"] == "open"
    assert shop.event_types("checkout") == []


def test_expiry_ends_the_payment_that_waits_for_its_customer_first(shop: Shop) -> None:
    session_id = shop.opened()
    shop.pay(session_id, number="4000000000003220")
    bank = shop.look(f"/c/pay/{session_id}/bank")
    assert bank.headers["refresh"].startswith("0; url=http://127.0.0.1:")

    expired = shop.api.send("POST", f"/v1/checkout/sessions/{session_id}/expire").body

    assert expired["status"] == "expired"
    intent = shop.api.send("GET", f"/v1/payment_intents/{expired['payment_intent']}").body
    assert (intent["status"], intent["cancellation_reason"]) == ("canceled", "abandoned")
    assert shop.event_types("checkout") == ["checkout.session.expired"]
    gone = shop.look(f"/c/pay/{session_id}/return")
    assert gone.headers["location"] == f"/c/pay/{session_id}/wait"
    assert shop.look(f"/c/pay/{session_id}").status == 410


def test_what_is_captured_later_completes_the_session_unpaid_and_is_paid_by_the_capture(
    shop: Shop,
) -> None:
    session_id = shop.opened(**{"payment_intent_data[capture_method]": "manual"})
    shop.pay(session_id)
    held = shop.session(session_id)
    assert (held["status"], held["payment_status"]) == ("complete", "unpaid")
    shop.api.send("POST", f"/v1/payment_intents/{held['payment_intent']}/capture")
    shop.look(f"/c/pay/{session_id}")
    assert shop.session(session_id)["payment_status"] == "paid"
    assert shop.event_types("checkout") == ["checkout.session.completed"]


def test_a_customer_is_made_once_when_the_session_asks_for_one(shop: Shop) -> None:
    session_id = shop.opened(customer_creation="always")
    shop.pay(session_id, number="4000000000000002")
    shop.pay(session_id)
    paid = shop.session(session_id)
    customers = shop.api.send("GET", "/v1/customers").body["data"]
    assert [(one["id"], one["email"]) for one in customers] == [
        (paid["customer"], "amina@example.com")
    ]
    intents = shop.api.send("GET", "/v1/payment_intents").body["data"]
    assert [one["customer"] for one in intents] == [paid["customer"]]


@pytest.mark.parametrize(
    "path", ["/c/pay/cs_test_none", "/c/link/plink_none", "/c/nothing", "/c/pay/%00/bank"]
)
def test_an_address_that_nobody_gave_out_shows_nothing(shop: Shop, path: str) -> None:
    page = shop.look(path)
    assert page.status == 404
    assert "There is no payment page here" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_payment_of_an_open_session_is_the_sessions_alone(shop: Shop) -> None:
    session_id = shop.opened()
    shop.pay(session_id, number="4000000000000002")
    intent_id = shop.session(session_id)["payment_intent"]
    intent = f"/v1/payment_intents/{intent_id}"
    for path, fields in (
        (intent, {"amount": 1}),
        (intent, {"payment_method": "pm_card_visa"}),
        (f"{intent}/confirm", {"payment_method": "pm_card_visa"}),
        (f"{intent}/cancel", {}),
    ):
        refused = shop.api.send("POST", path, urlencode(fields).encode())
        assert (refused.status, refused.body["error"]["code"]) == (
            400, "payment_intent_unexpected_state",
        )  # fmt: skip
        assert session_id in refused.body["error"]["message"]
    noted = shop.api.send("POST", intent, b"metadata[order]=7")
    assert (noted.status, noted.body["metadata"]) == (200, {"order": "7"})

    shop.pay(session_id)

    assert shop.session(session_id)["payment_status"] == "paid"


def test_what_a_session_left_authorized_is_the_merchants_again(shop: Shop) -> None:
    session_id = shop.opened(**{"payment_intent_data[capture_method]": "manual"})
    shop.pay(session_id)
    session = shop.session(session_id)
    assert (session["status"], session["payment_status"]) == ("complete", "unpaid")
    canceled = shop.api.send("POST", f"/v1/payment_intents/{session['payment_intent']}/cancel")
    assert (canceled.status, canceled.body["status"]) == (200, "canceled")
