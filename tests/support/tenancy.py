"""The tenancy matrix: every route, asked in every way by everybody who must not get an answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hazina.api.expand import EXPANDABLE, kinds_shown
from hazina.api.params.parts import ID, LIST_PARAMS
from hazina.api.route import Route
from hazina.merchants.scopes import RESOURCES, resource_of
from tests.support.direct import Answer, Direct
from tests.support.tenancy_rows import LISTED, MAKE, NEEDS_FIRST, ROWS, Row

_NAME = re.compile(r"\{([\w.]+)\}")
# `hazina` holds a ledger's status alone, which the message says too.
_PLAIN_ERROR = {"type", "code", "message", "doc_url", "param", "request_log_url", "hazina"}
_HOMES = {
    "acct": "accounts", "ak": "hazina/api_keys", "ch": "charges", "cs": "checkout/sessions",
    "cus": "customers", "evt": "events", "pi": "payment_intents", "plink": "payment_links",
    "pm": "payment_methods", "price": "prices", "prod": "products", "re": "refunds",
    "tok": "tokens", "txn": "balance_transactions", "we": "webhook_endpoints",
    "whr": "hazina/webhook_replays",
    "seti": "setup_intents",
}  # fmt: skip


@dataclass(slots=True)
class Stage:
    """Objects of one merchant, made when they are first named."""

    api: Direct
    key: str
    ids: dict[str, str] = field(default_factory=dict)

    async def id(self, name: str) -> str:
        """Return the id of an object of this name."""
        if name not in self.ids:
            if name in NEEDS_FIRST:
                await self.id(NEEDS_FIRST[name])
            make = MAKE[name]
            path, fields = await self.filled(make.path), await self.filled_all(make.fields)
            answer = await self.api.send(self.key, make.method, path, fields)
            assert answer.status == 200, (name, answer.body)
            found: Any = answer.body
            for step in make.at.split("."):
                found = found[int(step) if step.isdecimal() else step]
            self.ids[name] = found
        return self.ids[name]

    async def filled(self, text: str) -> str:
        """Return a text with ids in place of names."""
        for name in _NAME.findall(text):
            text = text.replace(f"{{{name}}}", await self.id(name))
        return text

    async def filled_all(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Return fields with ids in place of names."""
        return {name: await self.filled(value) for name, value in fields.items()}

    async def as_shown(self) -> dict[str, bytes]:
        """Return what the owner reads of every object, to compare later."""
        shown = {}
        for object_id in sorted(set(self.ids.values())):
            home = _HOMES.get(object_id.split("_")[0])
            if home is not None:
                answer = await self.api.send(self.key, "GET", f"/v1/{home}/{object_id}")
                shown[object_id] = answer.raw
        return shown


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who must not get at the owner's objects."""

    name: str
    key: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """One question that was asked, and what is wrong with the answer, if anything is."""

    route: str
    actor: str
    verb: str
    problem: str | None


class Matrix:
    """Asks all questions about a route. Merchants are shared by all routes, objects are not."""

    def __init__(self, api: Direct, owner: str, actors: list[Actor]) -> None:
        self._api = api
        self._owner = owner
        self._actors = actors
        self._restricted: dict[tuple[str, ...], str] = {}

    @classmethod
    async def of(cls, api: Direct) -> Matrix:
        """Make the merchants and their keys."""
        merchants = api.core.merchants
        owner = await merchants.create(is_platform=True)
        live = await merchants.create(is_platform=True, livemode=True, account_id=owner.account_id)
        other = await merchants.create(is_platform=True)
        issue = merchants.issue_key
        actors = [
            Actor("another merchant", await issue(other)),
            Actor("the other mode", await issue(live)),
            Actor("a publishable key", await issue(owner, publishable=True)),
            Actor("a platform", await issue(other), {"stripe_account": owner.account_id}),
        ]
        return cls(api, await issue(owner), actors)

    async def cells(self, route: Route) -> AsyncIterator[Cell]:
        """Yield the cells of one route, its owner's success last but for the replays."""
        row = ROWS[route.name]
        stage = Stage(self._api, self._owner)
        path, fields = await stage.filled(row.path), await stage.filled_all(row.fields)
        actors = [*self._actors, await self._without_scope(route)]
        for name in sorted(needed_for(route)):
            await stage.id(name)
        before = await stage.as_shown()
        for actor in actors:
            for verb, asked, sent in await self._questions(route, row, stage, actor, path, fields):
                answer = await self._ask(actor, route, asked, sent)
                problem = _problem(row, actor, verb, answer, stage)
                yield Cell(route.name, actor.name, verb, problem)
        async for cell in self._expansions_out_of_scope(route, path, fields):
            yield cell
        changed = await stage.as_shown() != before
        yield Cell(route.name, "all of them", "change", "an object changed" if changed else None)
        key = {"idempotency_key": "the owner's"} if route.method == "POST" else {}
        answer = await self._api.send(self._owner, route.method, path, fields, **key)
        wrong = None if answer.code == row.owner else f"the owner is refused: {answer.body}"
        yield Cell(route.name, "the owner", "control", wrong)
        for actor in actors if key else ():
            again = await self._ask(actor, route, path, fields, **key)
            yield Cell(
                route.name, actor.name, "idempotency replay",
                _problem(row, actor, "replay", again, stage, answer),
            )  # fmt: skip

    async def _questions(
        self, route: Route, row: Row, stage: Stage, actor: Actor, path: str, fields: dict[str, str]
    ) -> list[tuple[str, str, dict[str, str]]]:
        asked = [("list" if route.listed else "direct", path, fields)]
        prefix = "data." if route.listed else ""
        asked += [
            ("expand", path, fields | {"expand[]": prefix + name})
            for name in EXPANDABLE.get(route.answers, ())
        ]
        if not route.listed:
            return asked
        if route.path.endswith("/search"):
            return [("search", path, fields)]
        for name in _filters(route):
            target = await stage.id(_FILTERS.get(name, name))
            asked.append(("filter", path, fields | {name: target}))
        if not _has_cursor(route):
            return asked
        own_path = path
        if _NAME.search(row.path) and actor.name == "another merchant":
            # Below a parent of one's own: the parent of somebody else is refused before.
            own_path = await Stage(self._api, actor.key).filled(row.path)
        cursor = await stage.id(_listed(route))
        pages = ("starting_after", "ending_before")
        return [*asked, *(("cursor", own_path, fields | {name: cursor}) for name in pages)]

    async def _expansions_out_of_scope(
        self, route: Route, path: str, fields: dict[str, str]
    ) -> AsyncIterator[Cell]:
        """Ask with a key that may use the route and not what it expands."""
        prefix = "data." if route.listed else ""
        for name in EXPANDABLE.get(route.answers, ()):
            kinds = kinds_shown(((name,),), route.answers)
            hidden = {resource_of(kind.removesuffix("_list")) for kind in kinds} - {route.resource}
            if not hidden or route.resource not in RESOURCES:
                continue
            actor = Actor("a restricted key", await self._key_without(*sorted(hidden)))
            answer = await self._ask(actor, route, path, fields | {"expand[]": prefix + name})
            yield Cell(
                route.name, actor.name, f"expand {name}", _wrong(answer, "permission_missing")
            )

    async def _ask(
        self, actor: Actor, route: Route, path: str, fields: Mapping[str, str], **more: str
    ) -> Answer:
        return await self._api.send(actor.key, route.method, path, fields, **actor.headers, **more)

    async def _without_scope(self, route: Route) -> Actor:
        return Actor("a restricted key", await self._key_without(route.resource))

    async def _key_without(self, *hidden: str) -> str:
        """Return a key of the owner's that may do everything else."""
        if hidden not in self._restricted:
            scopes = {f"scopes[{name}]": "write" for name in RESOURCES if name not in hidden}
            made = await self._api.post(
                self._owner, "/v1/hazina/api_keys", type="restricted", **scopes
            )
            self._restricted[hidden] = made["secret"]
        return self._restricted[hidden]


_FILTERS = {"source": "charge", "test_clock": "test_helpers.test_clock"}


def named_in(text: str) -> list[str]:
    """Return the names of objects in a text."""
    return _NAME.findall(text)


def needed_for(route: Route) -> set[str]:
    """Return the objects that a route's cells take."""
    row = ROWS[route.name]
    names = {*named_in(row.path), *(one for text in row.fields.values() for one in named_in(text))}
    if route.listed:
        names |= {_FILTERS.get(name, name) for name in _filters(route)}
    if route.listed and _has_cursor(route):
        names.add(_listed(route))
    return names


def _has_cursor(route: Route) -> bool:
    """Tell whether pages begin at an object, and not at a moment."""
    return "page" not in route.params.params


def _filters(route: Route) -> list[str]:
    return [
        name
        for name, param in route.params.params.items()
        if param.kind is ID and name not in LIST_PARAMS
    ]


def _listed(route: Route) -> str:
    if route.name in LISTED:
        return LISTED[route.name]
    return LISTED.get(route.answers, route.answers)


def _problem(
    row: Row, actor: Actor, verb: str, answer: Answer, stage: Stage, first: Answer | None = None
) -> str | None:
    """Return what is wrong with an answer to somebody who is not the owner."""
    match actor.name:
        case "a restricted key":
            return _wrong(answer, "permission_missing")
        case "a platform":
            return _wrong(answer, "account_invalid")
        case "a publishable key" if row.publishable is not None:
            # What is let through with a client secret may not be expanded either.
            return _wrong(answer, row.publishable, "secret_key_required")
        case "a publishable key":
            allowed = (None, "secret_key_required") if verb == "expand" else (None,)
            return None if answer.code in allowed else f"refused: {answer.body}"
    if "idempotent-replayed" in answer.headers:
        return "the owner's answer was replayed"
    aimed = bool(_NAME.search(row.path + "".join(row.fields.values())))
    if verb == "cursor" or (aimed and verb != "filter"):
        return _wrong(answer, *row.others)
    if answer.status != 200:
        codes = (*row.others, "resource_missing")
        return _wrong(answer, *codes) if verb == "filter" else None
    if verb == "filter" and answer.body["data"]:
        return "objects of the owner's were filtered"
    leaked = [one for one in stage.ids.values() if one.encode() in answer.raw]
    same = first is not None and first.body.get("id") == answer.body.get("id")
    if same and not row.ids_are_chosen:
        leaked.append("the object that the owner made")
    return f"leaked {leaked}" if leaked else None


def _wrong(answer: Answer, *codes: str) -> str | None:
    error = answer.body.get("error", {})
    if answer.status not in (400, 401, 403, 404) or error.get("code") not in codes:
        return f"{answer.status} {error.get('code')} where {' or '.join(codes)} belongs"
    extra = sorted(error.keys() - _PLAIN_ERROR)
    return f"the refusal tells more than it should: {extra}" if extra else None
