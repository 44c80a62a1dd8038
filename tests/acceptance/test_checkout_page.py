"""The hosted page in headless Chromium, at desktop and phone width."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import DESKTOP, PHONE, Visitor, apart, chromium, skip_reason
from tests.support.system import Shop, System

pytestmark = pytest.mark.skipif(skip_reason() is not None, reason=skip_reason() or "")

SALE = {
    "line_items[0][price_data][currency]": "kes",
    "line_items[0][price_data][unit_amount]": 150_000,
    "line_items[0][price_data][product_data][name]": "Kikoi",
    "line_items[0][quantity]": 2,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def shop(system: System) -> Shop:
    """A merchant that only this test uses."""
    return apart(system.merchant)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visitor(browser: Any, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """A visitor who ends without a complaint of the browser, and who met nobody but us."""
    one = Visitor(browser, request.param)
    yield one
    one.close()
    assert one.complaints == []
    assert all(host.startswith("127.0.0.1:") for host in one.hosts)


def opened(shop: Shop, **more: Any) -> dict[str, Any]:
    """Open a session that comes back to a page of the API itself."""
    urls = {
        "success_url": f"{shop.url}/docs?paid={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{shop.url}/docs?basket",
    }
    answer = shop.post("/v1/checkout/sessions", **(SALE | urls | more))
    assert answer.status == 200, answer.raw
    return answer.body


def session(shop: Shop, made: dict[str, Any]) -> dict[str, Any]:
    return shop.get(f"/v1/checkout/sessions/{made['id']}").body


def charges(shop: Shop) -> list[tuple[str, int]]:
    return [(one["status"], one["amount"]) for one in shop.get("/v1/charges").body["data"]]


def events(shop: Shop, kind: str) -> list[str]:
    found = shop.get(f"/v1/events?type=checkout.session.{kind}").body["data"]
    return [one["data"]["object"]["id"] for one in found]


def test_a_card_is_charged_once_and_the_visitor_returns_to_the_shop(
    system: System, shop: Shop, visitor: Visitor
) -> None:
    made = opened(shop, **{"metadata[order]": "7"})
    visitor.page.goto(made["url"])
    assert visitor.heading().endswith("3,000.00 KES")
    assert visitor.violations() == []

    visitor.card("4242 4242 4242 4242")

    visitor.page.wait_for_url(f"{shop.url}/docs?paid={made['id']}")
    paid = session(shop, made)
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert paid["customer_details"]["email"] == "amina@example.com"
    assert charges(shop) == [("succeeded", 300_000)]
    assert events(shop, "completed") == [made["id"]]
    visitor.page.goto(made["url"])
    assert visitor.heading() == "This has been paid"
    assert visitor.violations() == []
    assert apart(system.broken_invariants) == []


def test_a_declined_card_is_told_and_another_one_pays(shop: Shop, visitor: Visitor) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    visitor.card("4000 0000 0000 9995")
    alert = visitor.page.get_by_role("alert")
    alert.wait_for()
    assert "insufficient funds" in alert.inner_text()
    assert visitor.page.title().startswith("Error: ")
    assert visitor.page.input_value("#number") == ""
    assert visitor.violations() == []

    visitor.card("5555 5555 5555 4444")

    visitor.page.wait_for_url(f"{shop.url}/docs?paid={made['id']}")
    assert sorted(charges(shop)) == [("failed", 300_000), ("succeeded", 300_000)]


def test_what_is_wrong_in_the_form_is_said_at_its_field_and_nothing_typed_comes_back(
    shop: Shop, visitor: Visitor
) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    visitor.card("4242 4242 4242 4241", expiry="13 / 34", cvc="12", name="Amina Wanjiru")

    summary = visitor.page.get_by_role("alert")

    summary.wait_for()
    assert summary.evaluate("node => node === document.activeElement")
    links = summary.get_by_role("link").all()
    assert [link.get_attribute("href") for link in links] == ["#number", "#expiry", "#cvc"]
    links[0].click()
    assert visitor.page.evaluate("document.activeElement.id") == "number"
    described = visitor.page.get_attribute("#number", "aria-describedby") or ""
    assert "wrong digit" in visitor.page.inner_text(f"#{described.split()[0]}")
    shown = visitor.page.content()
    assert "4241" not in shown
    assert "Wanjiru" not in shown
    assert visitor.page.input_value("#email") == "amina@example.com"
    assert visitor.violations() == []
    assert session(shop, made)["payment_intent"] is None


def test_a_number_that_is_no_test_number_is_refused_without_being_kept(
    shop: Shop, visitor: Visitor
) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    visitor.card("4111 1111 1111 1111")
    alert = visitor.page.get_by_role("alert")
    alert.wait_for()
    assert "test" in alert.inner_text()
    assert "4111" not in visitor.page.content()
    assert charges(shop) == []


@pytest.mark.parametrize("choice", ["complete", "fail"])
def test_three_d_secure_leads_to_the_bank_and_back(
    shop: Shop, visitor: Visitor, choice: str
) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    visitor.card("4000 0000 0000 3220")

    visitor.page.locator(f"button[value={choice}]").click()

    if choice == "complete":
        visitor.page.wait_for_url(f"{shop.url}/docs?paid={made['id']}")
        assert session(shop, made)["status"] == "complete"
        return
    alert = visitor.page.get_by_role("alert")
    alert.wait_for()
    assert "could not confirm that it is you" in alert.inner_text()
    assert session(shop, made)["status"] == "open"
    assert visitor.violations() == []


def test_an_unknown_outcome_is_waited_for_and_then_told(shop: Shop, visitor: Visitor) -> None:
    fault = {"payment_intent_data[metadata][sandbox_fault]": "timeout_after_effect"}
    made = opened(shop, **fault)
    visitor.page.goto(made["url"])

    visitor.card("4242 4242 4242 4242")

    visitor.page.get_by_role("heading", name="We are asking about your payment").wait_for()
    assert visitor.violations() == []
    visitor.page.wait_for_url(f"{shop.url}/docs?paid={made['id']}")
    assert charges(shop) == [("succeeded", 300_000)]
    assert events(shop, "completed") == [made["id"]]


def test_an_impatient_double_click_pays_once(shop: Shop, visitor: Visitor) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    token = visitor.page.input_value("[name=token]")
    attempt = visitor.page.input_value("[name=attempt]")
    form = {
        "token": token, "attempt": attempt, "email": "amina@example.com",
        "number": "4242424242424242", "expiry": "12/34", "cvc": "123", "name": "Amina W.",
    }  # fmt: skip
    script = """([url, form]) => Promise.all([1, 2, 3].map(() => fetch(url, {
        method: 'POST', body: new URLSearchParams(form), redirect: 'manual'})))
        .then(answers => answers.length)"""
    # From the shop's other page, since ours forbids every script; the browser sends the cookie.
    visitor.page.goto(f"{shop.url}/docs")
    assert visitor.page.evaluate(script, [made["url"], form]) == 3

    visitor.page.goto(made["url"])

    visitor.page.get_by_role("heading", name="This has been paid").wait_for()
    assert charges(shop) == [("succeeded", 300_000)]


def test_the_way_back_to_the_shop_is_a_link(shop: Shop, visitor: Visitor) -> None:
    visitor.page.goto(opened(shop)["url"])
    visitor.page.get_by_role("link", name="Back to").click()
    visitor.page.wait_for_url(f"{shop.url}/docs?basket")


def test_an_expired_session_takes_no_card(shop: Shop, visitor: Visitor) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    shop.post(f"/v1/checkout/sessions/{made['id']}/expire")
    visitor.card("4242 4242 4242 4242")
    visitor.page.get_by_role("heading", name="This payment page has expired").wait_for()
    assert visitor.violations() == []
    assert charges(shop) == []
    assert events(shop, "expired") == [made["id"]]


def test_every_visit_of_a_payment_link_is_a_session_of_its_own(
    shop: Shop, visitor: Visitor
) -> None:
    after = {
        "after_completion[type]": "hosted_confirmation",
        "after_completion[hosted_confirmation][custom_message]": "Asante sana!",
    }
    link = shop.post("/v1/payment_links", **(SALE | after)).body
    visitor.page.goto(link["url"])
    first = visitor.page.url
    visitor.page.goto(link["url"])
    assert visitor.page.url != first

    visitor.card("4242 4242 4242 4242")

    visitor.page.get_by_role("heading", name="Thank you").wait_for()
    assert "Asante sana!" in visitor.page.inner_text("main")
    assert visitor.violations() == []
    shop.post(f"/v1/payment_links/{link['id']}", active="false", inactive_message="Sold out.")
    visitor.page.goto(link["url"])
    assert "Sold out." in visitor.page.inner_text("main")


def test_every_field_is_reached_by_the_keyboard_in_order(shop: Shop, visitor: Visitor) -> None:
    visitor.page.goto(opened(shop)["url"])
    reached = []
    for _ in range(7):
        visitor.page.keyboard.press("Tab")
        reached.append(visitor.page.evaluate("document.activeElement.id || 'other'"))
    assert reached == ["other", "email", "number", "expiry", "cvc", "name", "other"]
    width = visitor.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0


def test_a_session_completes_by_callback_when_nobody_comes_back(
    shop: Shop, visitor: Visitor
) -> None:
    made = opened(shop)
    visitor.page.goto(made["url"])
    visitor.card("4000 0000 0000 3220")
    visitor.page.locator("button[value=complete]").wait_for()
    # The visitor's browser gets no further than the bank: its way back is cut off.
    visitor.page.route("**/c/pay/**", lambda route: route.abort())
    visitor.page.locator("button[value=complete]").click()
    until = time.monotonic() + 20
    while session(shop, made)["status"] != "complete":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert events(shop, "completed") == [made["id"]]
    visitor.complaints.clear()
