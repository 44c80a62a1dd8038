"""Expansion: replaces ids in a public object by the objects, where `expand[]` asks for it."""

from __future__ import annotations

from typing import Any

from hazina.api.client_secret import without_the_merchants
from hazina.api.core import Core
from hazina.api.forms import shown
from hazina.checkout.items import list_view
from hazina.merchants.merchant import Caller
from hazina.paging import Page
from hazina.refusals import Code, Refusal

DEPTH_MAX = 4
PATHS_MAX = 20

EXPANDABLE: dict[str, dict[str, str]] = {
    "payment_intent": {
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
    "charge": {
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "payment_intent": "payment_intent",
        "refunds": "refunds",
    },
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
    },
    "balance_transaction": {"source": "source"},
    "payment_method": {"customer": "customer"},
    "card": {"customer": "customer"},
    "customer": {
        "default_source": "card",
        "invoice_settings": "invoice_settings",
        "sources": "sources",
        "test_clock": "test_helpers.test_clock",
    },
    "invoice_settings": {"default_payment_method": "payment_method"},
    "setup_intent": {
        "customer": "customer",
        "latest_attempt": "setup_attempt",
        "payment_method": "payment_method",
    },
    "setup_attempt": {
        "customer": "customer",
        "payment_method": "payment_method",
        "setup_intent": "setup_intent",
    },
    "product": {"default_price": "price"},
    "checkout.session": {
        "customer": "customer",
        "line_items": "line_items",
        "payment_intent": "payment_intent",
        "payment_link": "payment_link",
    },
    "payment_link": {"line_items": "line_items"},
    "line_items_list": {"data": "item"},
    "refunds_list": {"data": "refund"},
    "sources_list": {"data": "card"},
    "item": {"price": "price"},
    "price": {"product": "product"},
}
"""What each object can show in place of an id; `source` is told by the id's prefix."""

NEVER_SET: dict[str, frozenset[str]] = {
    "payment_intent": frozenset({"application", "on_behalf_of", "payment_record", "review"}),
    "charge": frozenset(
        {
            "application", "application_fee", "on_behalf_of", "review", "source_transfer",
            "transfer",
        }
    ),
    "refund": frozenset(
        {"customer", "payment_method", "source_transfer_reversal", "transfer_reversal"}
    ),
    "setup_intent": frozenset({"application", "mandate", "on_behalf_of", "single_use_mandate"}),
    "setup_attempt": frozenset({"application", "on_behalf_of"}),
    "product": frozenset({"tax_code"}),
    "checkout.session": frozenset({"invoice", "setup_intent", "subscription"}),
    "payment_link": frozenset({"application", "on_behalf_of"}),
}  # fmt: skip
"""What Stripe expands and is always null here: clients that ask for it read null."""

_PARTS = frozenset({"invoice_settings"})
_SOURCES = {"ch": "charge", "re": "refund"}


TOTAL_COUNT = ("total_count",)
"""What a search counts only when it is asked to."""


def read_paths(value: Any, listed: bool, searched: bool = False) -> tuple[tuple[str, ...], ...]:
    """Read the parameter `expand`; a list's paths begin with `data`, but a search's total_count."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value, key=str)]
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise _refusal("Invalid array for expand: send it as expand[].")
    if len(value) > PATHS_MAX:
        raise _refusal(f"You can expand at most {PATHS_MAX} properties; send fewer.")
    paths = []
    for path in value:
        parts = tuple(path.split("."))
        if searched and parts == TOTAL_COUNT:
            paths.append(parts)
            continue
        if listed:
            if parts[0] != "data" or len(parts) == 1:
                raise _cannot(path)
            parts = parts[1:]
        if len(parts) > DEPTH_MAX:
            raise _refusal(f"You can expand at most {DEPTH_MAX} levels deep.")
        paths.append(parts)
    return tuple(paths)


def check_paths(paths: tuple[tuple[str, ...], ...], kind: str) -> None:
    """Refuse what no object of this kind can expand, before anything is done."""
    kinds_shown(paths, kind)


def kinds_shown(paths: tuple[tuple[str, ...], ...], kind: str) -> set[str]:
    """Return the kinds of object that these paths may show. Refuses as `check_paths`."""
    reached: set[str] = set()
    for path in paths:
        if path == TOTAL_COUNT:
            continue
        at = {kind}
        for part in path:
            found = {EXPANDABLE.get(one, {}).get(part) for one in at} - {None}
            if not found and any(part in NEVER_SET.get(one, ()) for one in at):
                break
            if not found:
                raise _cannot(".".join(path))
            at = {name for one in found for name in _kinds_of(str(one))}
            reached |= at
    return reached


def _kinds_of(target: str) -> tuple[str, ...]:
    match target:
        case "source":
            return ("charge", "refund")
        case "refunds" | "sources" | "line_items":
            return (f"{target}_list",)
        case _:
            return (target,)


class Expander:
    """Expands within one answer; each object is loaded once."""

    def __init__(self, core: Core, caller: Caller) -> None:
        self._core = core
        self._caller = caller
        self._loaded: dict[tuple[str, str], dict[str, Any] | None] = {}

    async def expand(
        self, view: dict[str, Any], path: tuple[str, ...], kind: str | None = None
    ) -> None:
        """Expand one path of a view, in place. What is null or gone stays as it is.

        `kind` is told of parts that are no objects of their own.
        """
        name = path[0]
        target = EXPANDABLE.get(kind or view.get("object", ""), {}).get(name)
        if target is None:
            return
        if target in ("refunds", "sources", "line_items"):
            await self._list(view, name, path[1:])
            return
        value = view.get(name)
        if isinstance(value, str):
            found = await self._load(target, value)
            if found is None:
                return
            # A copy: the same object may stand elsewhere in the answer without expansion.
            value = view[name] = dict(found)
        if isinstance(value, dict) and len(path) > 1:
            await self.expand(value, path[1:], target if target in _PARTS else None)

    async def _load(self, target: str, object_id: str) -> dict[str, Any] | None:
        kind = target
        if target == "source":
            kind = _SOURCES.get(object_id.partition("_")[0], "")
        key = (kind, object_id)
        if key not in self._loaded:
            self._loaded[key] = await self._retrieve(kind, object_id)
        return self._loaded[key]

    async def _retrieve(self, kind: str, object_id: str) -> dict[str, Any] | None:
        try:
            match kind:
                case "customer":
                    return await self._core.customers.retrieve(self._caller, object_id)
                case "payment_method":
                    return await self._payment_method(object_id)
                case "card":
                    return await self._core.sources.find(self._caller, object_id)
                case "setup_intent" | "setup_attempt":
                    return await self._core.setup_intents.retrieve(self._caller, kind, object_id)
                case "product" | "price":
                    return await self._core.catalog.retrieve(self._caller, kind, object_id)
                case "test_helpers.test_clock":
                    return await self._core.test_clocks.retrieve(self._caller, object_id)
                case "payment_link":
                    return await self._core.checkout.links.retrieve(self._caller, object_id)
                case "":
                    return None
                case _:
                    return await self._core.payments.retrieve(self._caller, kind, object_id)
        except Refusal as refusal:
            if refusal.code in (Code.RESOURCE_MISSING, Code.PAYMENT_METHOD_UNKNOWN):
                return None
            raise

    async def _payment_method(self, method_id: str) -> dict[str, Any]:
        """Return a method; to a browser without what is only the merchant's."""
        view = await self._core.payment_methods.retrieve(self._caller, method_id)
        return without_the_merchants(view) if self._caller.publishable else view

    async def _list(self, view: dict[str, Any], name: str, path: tuple[str, ...]) -> None:
        """Put a list into a view, and expand the rest of the path, `data...`, in its items."""
        # A list that stands there already belongs to an answer that is replayed.
        if view.get(name) is None and not view.get("deleted"):
            match name:
                case "refunds":
                    view[name] = await self._refunds(view["id"])
                case "sources":
                    view[name] = await self._sources(view["id"])
                case _:
                    view[name] = await self._line_items(view["object"], view["id"])
        for item in (view.get(name) or {}).get("data", ()) if len(path) > 1 else ():
            await self.expand(item, path[1:])

    async def _sources(self, customer_id: str) -> dict[str, Any]:
        data, has_more = await self._core.sources.list(self._caller, customer_id, {}, Page())
        url = f"/v1/customers/{customer_id}/sources"
        return {"object": "list", "url": url, "has_more": has_more, "data": data}

    async def _refunds(self, charge_id: str) -> dict[str, Any]:
        data, has_more = await self._core.payments.list(
            self._caller, "refund", {"charge": charge_id}, Page()
        )
        url = f"/v1/charges/{charge_id}/refunds"
        return {"object": "list", "url": url, "has_more": has_more, "data": data}

    async def _line_items(self, kind: str, owner_id: str) -> dict[str, Any]:
        found = await self._core.checkout.sessions.line_items(self._caller, kind, owner_id)
        root = "checkout/sessions" if kind == "checkout.session" else "payment_links"
        return list_view(f"/v1/{root}/{owner_id}/line_items", found)


async def expand_answer(
    expander: Expander, answer: dict[str, Any], paths: tuple[tuple[str, ...], ...]
) -> None:
    """Expand an object, or each object of a list."""
    views = answer["data"] if answer.get("object") in ("list", "search_result") else [answer]
    for view in views:
        for path in paths:
            await expander.expand(view, path)


def _cannot(path: str) -> Refusal:
    return _refusal(f"This property cannot be expanded ({shown(path)}).")


def _refusal(message: str) -> Refusal:
    return Refusal(Code.PARAMETER_INVALID, message, param="expand")
