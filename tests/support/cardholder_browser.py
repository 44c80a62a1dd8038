"""Answers a 3-D Secure page as a cardholder's browser would."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.client import HTTPMessage
from typing import IO, Literal

Choice = Literal["complete", "fail"]
_HOPS_MAX = 6


class CardholderPageMissing(AssertionError):
    """The address of `next_action` did not lead to a page with a form to answer."""


def answer_challenge(page_url: str, choice: Choice, return_url: str) -> str:
    """Open the page, submit its form with `result` set to the choice, and follow redirects.

    Return the address that the browser would end at: the merchant's own page when the redirects
    lead to `return_url`, which is never fetched. Raise CardholderPageMissing when there is no form.
    """
    address, page = _browse(page_url, None, return_url)
    form = _Form(choice)
    form.feed(page)
    if form.action is None:
        raise CardholderPageMissing(f"no form on {address}")
    target = urllib.parse.urljoin(address, form.action)
    body = urllib.parse.urlencode(form.fields | {"result": choice})
    if form.method == "post":
        return _browse(target, body.encode(), return_url)[0]
    return _browse(f"{target}?{body}", None, return_url)[0]


class _Form(HTMLParser):
    """Reads the form that holds the choice: its target and its hidden fields."""

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.action: str | None = None
        self.method = "get"
        self.fields: dict[str, str] = {}
        self._choice = choice
        self._candidate: tuple[str, str, dict[str, str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, its hidden fields, and take it once it offers the choice."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._candidate = (given.get("action", ""), given.get("method", "get").lower(), {})
        elif self._candidate and tag in ("input", "button") and "name" in given:
            if given["name"] == "result":
                if given.get("value") == self._choice:
                    self.action, self.method, self.fields = self._candidate
            elif given.get("type") == "hidden":
                self._candidate[2][given["name"]] = given.get("value", "")


class _StayPut(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Leave redirects to the caller, who knows which address is the merchant's."""


_OPENER = urllib.request.build_opener(_StayPut, urllib.request.ProxyHandler({}))


def _browse(address: str, body: bytes | None, return_url: str) -> tuple[str, str]:
    for _ in range(_HOPS_MAX):
        if address.startswith(return_url):
            return address, ""
        try:
            with _OPENER.open(urllib.request.Request(address, data=body), timeout=20) as reply:
                return address, reply.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                location = answer.headers.get("Location")
                if not location:
                    raise CardholderPageMissing(f"{address} answered {answer.code}") from None
                address, body = urllib.parse.urljoin(address, location), None
    raise CardholderPageMissing(f"more than {_HOPS_MAX} redirects from {address}")
