"""The pages under /c/: a session's form, the way to the bank and back, and how it ended."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from hazina.bootstrap.settings import Settings
from hazina.checkout.parts import Checkout
from hazina.checkout.paying import Payer
from hazina.checkout.visits import Visit
from hazina.checkout_page.card import FIELD_OF_PARAM, Entry, kept, read
from hazina.checkout_page.guard import HEADERS, Guard
from hazina.checkout_page.screens import (
    Screen,
    bank_url,
    decline,
    sale,
    screen,
    success_url,
    under_way,
)
from hazina.clock import Clock
from hazina.db.unit import Overloaded
from hazina.ids import Ids
from hazina.merchants.merchant import Caller
from hazina.payment_methods.service import PaymentMethods
from hazina.refusals import Code, Refusal
from hazina.secrets import keyed_hash

_FORM_BYTES_MAX = 16 * 1024
_WAITS_MAX = 12
_ID = re.compile(r"[A-Za-z0-9_]{8,200}")
_URL_SAFE = ":/?#[]@!$&'()*+,;=%-._~"
_STATIC = Path(__file__).parent / "static"

_log = structlog.get_logger("hazina.checkout_page")


class Core(Protocol):
    """What the pages need of the core."""

    @property
    def settings(self) -> Settings: ...
    @property
    def checkout(self) -> Checkout: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def payment_methods(self) -> PaymentMethods: ...


def checkout_site(core: Core) -> Starlette:
    """Return the pages over an open core."""
    return CheckoutSite(core, core.settings.pepper.encode()).app


class CheckoutSite:
    """Serves the pages. They take no API key: a session's id is what lets a visitor in."""

    def __init__(self, core: Core, pepper: bytes) -> None:
        self._visits = core.checkout.visits
        self._clock = core.clock
        self._ids = core.ids
        self._methods = core.payment_methods
        form_key = keyed_hash(pepper, "forms of the checkout page")
        self._guard = Guard(form_key, core.checkout.public_url.startswith("https:"))
        self._static = {name: (_STATIC / name).read_bytes() for name in ("page.css", "icon.svg")}
        self._templates = Environment(
            loader=PackageLoader("hazina.checkout_page"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals["style"] = sha256(self._static["page.css"]).hexdigest()[:12]
        self.app = Starlette(
            routes=[
                Route("/c/pay/{id}", self._page, methods=["GET"]),
                Route("/c/pay/{id}", self._pay, methods=["POST"]),
                Route("/c/pay/{id}/wait", self._wait, methods=["GET"]),
                Route("/c/pay/{id}/bank", self._bank, methods=["GET"]),
                Route("/c/pay/{id}/return", self._returned, methods=["GET"]),
                Route("/c/pay/{id}/done", self._done, methods=["GET"]),
                Route("/c/link/{id}", self._link, methods=["GET"]),
                Route("/c/page.css", self._style, methods=["GET"]),
                Route("/c/icon.svg", self._icon, methods=["GET"]),
            ],
            exception_handlers={404: self._unknown, 405: self._unknown, 500: self._failed},
        )

    # Screens

    async def _page(self, request: Request) -> Response:
        """Show the form, or where the session stands."""
        visit = await self._visit(request)
        if visit is None:
            return self._nothing()
        match screen(visit):
            case Screen.FORM:
                return self._form(request, visit, None, decline(visit))
            case Screen.BANK:
                return self._go(visit, "bank")
            case Screen.ASKING:
                return self._go(visit, "wait")
            case Screen.COMPLETE:
                link = success_url(visit.session)
                return self._render("paid.html", visit, {"link": link})
            case Screen.EXPIRED:
                return self._render("expired.html", visit, {}, status=410)

    async def _pay(self, request: Request) -> Response:
        """Take one try to pay, and lead to a page that shows what became of it."""
        visit = await self._visit(request)
        if visit is None:
            return self._nothing()
        fields = await _fields(request)
        cookie = self._guard.cookie_of(request.headers.get("cookie", ""))
        token = fields.get("token", "")
        if not self._guard.allows(cookie, visit.session.id, token, request.headers):
            message = "This form was out of date. Please enter the card again."
            return self._form(request, visit, None, message, status=403)
        if screen(visit) is not Screen.FORM:
            return self._go(visit, "wait")
        entry = read(fields, ask_email=visit.email is None, now=self._clock.now())
        if entry.card is None:
            return self._form(request, visit, entry, None, status=422)
        try:
            await self._take(visit, entry)
        except Refusal as refusal:
            return self._refused(request, visit, entry, refusal)
        except Overloaded:
            message = "More payments came than can be served now, and nothing was charged. Please "
            return self._form(request, visit, entry, f"{message}try again.", status=503)
        return self._go(visit, "wait")

    async def _wait(self, request: Request) -> Response:
        """Lead on as soon as it is known what became of a try; meanwhile ask and refresh."""
        visit = await self._visit(request)
        if visit is None:
            return self._nothing()
        match screen(visit):
            case Screen.COMPLETE:
                return self._go(visit, "done")
            case Screen.BANK:
                return self._go(visit, "bank")
            case Screen.EXPIRED:
                return self._go(visit, "")
            case Screen.FORM | Screen.ASKING:
                pass
        asked = request.query_params.get("n", "0")
        count = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0
        unknown = screen(visit) is Screen.ASKING
        if not unknown and (not under_way(visit) or count >= _WAITS_MAX):
            return self._go(visit, "")
        again = f"{_path(visit)}/wait?n={count + 1}"
        response = self._render("asking.html", visit, {"again": again, "long": count > 3})
        response.headers["Refresh"] = f"{3 if unknown else 2}; url={again}"
        return response

    async def _bank(self, request: Request) -> Response:
        """Lead to the bank's page. A redirect would be stopped by our own form-action rule."""
        visit = await self._visit(request)
        if visit is None:
            return self._nothing()
        url = bank_url(visit) if screen(visit) is Screen.BANK else None
        if url is None:
            return self._go(visit, "wait")
        response = self._render("bank.html", visit, {"bank_url": url})
        response.headers["Refresh"] = f"0; url={quote(url, safe=_URL_SAFE)}"
        return response

    async def _returned(self, request: Request) -> Response:
        """Take back a visitor whom the bank has sent here."""
        visit = await self._visit(request)
        return self._nothing() if visit is None else self._go(visit, "wait")

    async def _done(self, request: Request) -> Response:
        """Say that it is paid, and lead back to the merchant's page where there is one."""
        visit = await self._visit(request)
        if visit is None:
            return self._nothing()
        if screen(visit) is not Screen.COMPLETE:
            return self._go(visit, "")
        link = success_url(visit.session)
        response = self._render("done.html", visit, {"link": link})
        if link is not None:
            response.headers["Refresh"] = f"0; url={quote(link, safe=_URL_SAFE)}"
        return response

    async def _link(self, request: Request) -> Response:
        """Open a session for this visit of a payment link."""
        link_id = request.path_params["id"]
        link = await self._visits.link(link_id) if _ID.fullmatch(link_id) else None
        if link is None:
            return self._nothing()
        if not link.active:
            message = link.details.get("inactive_message")
            return self._plain("inactive.html", {"message": message}, status=410)
        session = await self._visits.open(link)
        return _seen(RedirectResponse(f"/c/pay/{session.id}", status_code=303))

    async def _style(self, _: Request) -> Response:
        return self._file("page.css", "text/css; charset=utf-8")

    async def _icon(self, _: Request) -> Response:
        return self._file("icon.svg", "image/svg+xml")

    async def _unknown(self, _: Request, __: Exception) -> Response:
        return self._nothing()

    async def _failed(self, _: Request, error: Exception) -> Response:
        _log.error("page_failed", reason=type(error).__name__)
        return self._plain("failed.html", {}, status=500)

    # How it is done

    async def _visit(self, request: Request) -> Visit | None:
        session_id = request.path_params["id"]
        return await self._visits.look(session_id) if _ID.fullmatch(session_id) else None

    async def _take(self, visit: Visit, entry: Entry) -> None:
        card = entry.card
        assert card is not None

        async def method(caller: Caller) -> str:
            return await kept(self._methods, caller, card, entry.name, visit.email or entry.email)

        await self._visits.pay(visit, Payer(entry.email, entry.name, entry.attempt), method)

    def _refused(self, request: Request, visit: Visit, entry: Entry, refusal: Refusal) -> Response:
        field = FIELD_OF_PARAM.get(refusal.param or "")
        if field is None and refusal.code is not Code.CARD_DECLINED:
            _log.warning("payment_not_begun", code=refusal.code.value, session=visit.session.id)
            message = "This payment could not be made, and nothing was charged. Please ask the "
            return self._form(request, visit, entry, f"{message}seller.", status=400)
        shown = Entry(entry.email, entry.name, "", None, {field or "number": refusal.message})
        return self._form(request, visit, shown, None, status=422)

    def _form(
        self, request: Request, visit: Visit, entry: Entry | None, failure: str | None,
        status: int = 200,
    ) -> Response:  # fmt: skip
        """Render the form afresh: a new attempt, and nothing of a card."""
        cookie = self._guard.cookie_of(request.headers.get("cookie", "")) or self._ids.secret()
        response = self._render(
            "form.html", visit,
            {
                "token": self._guard.token(cookie, visit.session.id),
                "attempt": self._ids.new("try"), "failure": failure,
                "errors": dict(entry.errors) if entry else {},
                "email": (entry.email if entry else None) or "", "known_email": visit.email,
                "action": _path(visit),
            },
            status=status,
        )  # fmt: skip
        response.headers["Set-Cookie"] = self._guard.set_cookie(cookie)
        return response

    def _go(self, visit: Visit, step: str) -> Response:
        path = f"{_path(visit)}/{step}" if step else _path(visit)
        return _seen(RedirectResponse(path, status_code=303))

    def _render(
        self, name: str, visit: Visit, values: dict[str, Any], status: int = 200
    ) -> Response:
        return self._plain(name, sale(visit) | values, status)

    def _plain(self, name: str, values: dict[str, Any], status: int) -> Response:
        return _seen(HTMLResponse(self._templates.get_template(name).render(values), status))

    def _nothing(self) -> Response:
        return self._plain("unknown.html", {}, status=404)

    def _file(self, name: str, media_type: str) -> Response:
        response = _seen(Response(self._static[name], media_type=media_type))
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def _path(visit: Visit) -> str:
    return f"/c/pay/{visit.session.id}"


def _seen(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


async def _fields(request: Request) -> dict[str, str]:
    """Read a small form; one that is too large or not a form reads as empty."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _FORM_BYTES_MAX:
            return {}
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=20))
    except ValueError:
        return {}
