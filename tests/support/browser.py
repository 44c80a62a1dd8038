"""A headless Chromium that stays on this machine, and axe-core to judge what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright

T = TypeVar("T")

AXE = Path(__file__).parents[1] / "clients" / "node" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS = 20_000


def skip_reason() -> str | None:
    """Return why the page cannot be tried in a browser here, or None when it can."""
    if _binary() is None:
        return "Chromium is absent: run make browser"
    if not AXE.is_file():
        return "axe-core is absent: run make node"
    return None


def _binary() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def apart(work: Callable[[], T]) -> T:
    """Do something in a thread of its own: the browser's event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser that looks up no names and calls nobody by itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_binary(),
            args=[
                "--no-sandbox", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )  # fmt: skip
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One visitor with a browser of their own; whatever it complains about is kept."""

    def __init__(self, browser: Browser, size: dict[str, int]) -> None:
        self._context = browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            is_mobile=size is PHONE, device_scale_factor=1,
        )  # fmt: skip
        self._context.set_default_timeout(_PATIENCE_MS)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._note)
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def close(self) -> None:
        """Close the visitor's browser."""
        self._context.close()

    def card(
        self, number: str, *, expiry: str = "12 / 34", cvc: str = "123", name: str = "Amina W."
    ) -> None:
        """Fill the form in and send it."""
        if self.page.locator("#email").count():
            self.page.fill("#email", "amina@example.com")
        for field, value in (("number", number), ("expiry", expiry), ("cvc", cvc), ("name", name)):
            self.page.fill(f"#{field}", value)
        self.page.click("button[type=submit]")

    def heading(self) -> str:
        """Return the page's main heading."""
        return " ".join(self.page.inner_text("h1").split())

    def violations(self) -> list[str]:
        """Return what axe-core finds serious or critical on the page as it is."""
        self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:120]})"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    def _note(self, message: Any) -> None:
        # The status of an answer is ours to choose; everything else is a fault of the page.
        if message.type in ("error", "warning") and "status of" not in message.text:
            self.complaints.append(message.text)
