"""Photographs every screen of the hosted page for docs/images/checkout: `make pictures`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import postgres
from tests.support.browser import DESKTOP, PHONE, Visitor, apart, chromium, skip_reason
from tests.support.system import Shop, System

TARGET = Path(__file__).parents[2] / "docs" / "images" / "checkout"
_SALE = {
    "line_items[0][price_data][currency]": "kes",
    "line_items[0][price_data][unit_amount]": 150_000,
    "line_items[0][price_data][product_data][name]": "Kikoi, indigo",
    "line_items[0][price_data][product_data][description]": "Handwoven cotton, 170 × 110 cm",
    "line_items[0][quantity]": 2,
    "line_items[1][price_data][currency]": "kes",
    "line_items[1][price_data][unit_amount]": 85_000,
    "line_items[1][price_data][product_data][name]": "Sisal basket",
    "line_items[1][quantity]": 1,
    "line_items[2][price_data][currency]": "kes",
    "line_items[2][price_data][unit_amount]": 35_000,
    "line_items[2][price_data][product_data][name]": "Delivery in Nairobi",
    "line_items[2][quantity]": 1,
    "cancel_url": "https://shop.example/basket",
}
_FAULT = {"payment_intent_data[metadata][sandbox_fault]": "timeout_after_effect,no_callback"}


def _form(visitor: Visitor, shop: Shop) -> None:
    visitor.page.goto(_opened(shop))


def _wrong(visitor: Visitor, shop: Shop) -> None:
    visitor.page.goto(_opened(shop))
    visitor.card("4242 4242 4242 4241", expiry="13 / 34")
    visitor.page.get_by_role("alert").wait_for()


def _declined(visitor: Visitor, shop: Shop) -> None:
    visitor.page.goto(_opened(shop))
    visitor.card("4000 0000 0000 9995")
    visitor.page.get_by_role("alert").wait_for()


def _bank(visitor: Visitor, shop: Shop) -> None:
    url = _opened(shop)
    visitor.page.goto(url)
    # The bank's own page is not ours to show: an empty answer leaves the screen that leads to it.
    visitor.page.route("**/authentication/**", lambda route: route.fulfill(status=204))
    visitor.card("4000 0000 0000 3220")
    visitor.page.get_by_role("heading", name="Your bank wants").wait_for()


def _asking(visitor: Visitor, shop: Shop) -> None:
    visitor.page.goto(_opened(shop, **_FAULT))
    visitor.card("4242 4242 4242 4242")
    visitor.page.get_by_role("heading", name="We are asking").wait_for()


def _done(visitor: Visitor, shop: Shop) -> None:
    visitor.page.goto(_opened(shop))
    visitor.card("4242 4242 4242 4242")
    visitor.page.get_by_role("heading", name="Thank you").wait_for()


def _paid(visitor: Visitor, shop: Shop) -> None:
    _done(visitor, shop)
    visitor.page.goto(visitor.page.url.removesuffix("/done"))


def _expired(visitor: Visitor, shop: Shop) -> None:
    made = shop.post("/v1/checkout/sessions", **_SALE).body
    shop.post(f"/v1/checkout/sessions/{made['id']}/expire")
    visitor.page.goto(made["url"])


SCREENS: dict[str, Callable[[Visitor, Shop], None]] = {
    "form": _form, "wrong-field": _wrong, "declined": _declined, "bank": _bank,
    "asking": _asking, "done": _done, "already-paid": _paid, "expired": _expired,
}  # fmt: skip


def _opened(shop: Shop, **more: Any) -> str:
    answer = shop.post("/v1/checkout/sessions", **(_SALE | more))
    assert answer.status == 200, answer.raw
    return str(answer.body["url"])


def main() -> None:
    """Write one picture per screen and width."""
    reason = skip_reason()
    if reason is not None:
        raise SystemExit(reason)
    TARGET.mkdir(parents=True, exist_ok=True)
    run = postgres.begin()
    try:
        with run.database() as url, System(url) as system, chromium() as browser:
            shop = apart(system.merchant)
            for screen, show in SCREENS.items():
                for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
                    visitor = Visitor(browser, size)
                    show(visitor, shop)
                    path = TARGET / f"{screen}-{width}.png"
                    visitor.page.screenshot(path=path, full_page=True, animations="disabled")
                    visitor.close()
                    print(path.name)
    finally:
        run.finish()


if __name__ == "__main__":
    main()
