"""One door to accounts: a platform makes, reads, changes and rejects its connected accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.unit import Claim, Insert, RowVersion, Unit, Update
from hazina.events import service as events
from hazina.idempotency.service import Answer, Idempotency, IdempotencyRequest, OneUnit
from hazina.ids import Ids
from hazina.merchants.merchant import (
    Caller,
    Merchant,
    changes,
    from_row,
    merchant_id_of,
    to_row,
)
from hazina.merchants.view import previous_attributes, view
from hazina.paging import Page, created_bounds, read_page
from hazina.refusals import Code, Refusal, shown_id

_TABLE = "merchant"


class Accounts:
    """Accounts as a key may see them: its own and, for a platform, the connected ones.

    `forget` is called with the merchant_id of each account that was changed, so that this process
    notices at once; others notice within the age of their cache.
    """

    def __init__(
        self, reader: Reader, idempotency: Idempotency, clock: Clock, ids: Ids,
        forget: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._reader = reader
        self._idempotency = idempotency
        self._clock = clock
        self._ids = ids
        self._forget = forget

    async def create(
        self, caller: Caller, params: dict[str, Any], idempotency: IdempotencyRequest | None
    ) -> Answer:
        """Open a connected account. Refuses `platform_account_required`.

        A live key opens it in both modes, each with a balance of its own; a test key only in test
        mode, so that nobody can take real money through it.
        """
        platform = caller.merchant
        _need_platform(platform)
        account_id = self._ids.new("acct")
        blank = Merchant(
            merchant_id=merchant_id_of(account_id, platform.livemode), account_id=account_id,
            livemode=platform.livemode, country=platform.country,
            default_currency=platform.default_currency, business_name=account_id, email=None,
            fee_basis_points=platform.fee_basis_points, overdraft_minor=platform.overdraft_minor,
            created=self._clock.now(), platform=platform.merchant_id,
        )  # fmt: skip
        opened = replace(blank.changed(params), revision=1)

        async def load() -> None:
            return None

        def decide(_: None) -> OneUnit:
            claims = tuple(Claim(_TABLE, to_row(one)) for one in _in_modes(opened, platform))
            return OneUnit(Unit(platform.merchant_id, claims=claims), view(opened))

        return await self._idempotency.run_once(idempotency, platform.merchant_id, load, decide)

    async def update(
        self, caller: Caller, account_id: str, params: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Answer:  # fmt: skip
        """Change what is told of an account. Refuses `account_invalid`."""

        def decide(before: Merchant) -> Merchant:
            return before.changed(params)

        return await self._change(caller, account_id, idempotency, decide)

    async def reject(
        self, caller: Caller, account_id: str, reason: str, idempotency: IdempotencyRequest | None
    ) -> Answer:
        """End a connected account: it can take no new payment; what was paid can be given back.

        Refuses `platform_account_required` for whoever is not its platform, `account_invalid`.
        """
        _need_platform(caller.merchant)
        if account_id == caller.merchant.account_id:
            raise Refusal(
                Code.PARAMETER_INVALID,
                "You cannot reject your own account. Send the id of a connected account.",
                param="account",
            )

        def decide(before: Merchant) -> Merchant:
            if before.rejected is not None:
                return before
            return replace(before, rejected=reason, revision=before.revision + 1)

        return await self._change(caller, account_id, idempotency, decide)

    async def retrieve(self, caller: Caller, account_id: str) -> dict[str, Any]:
        """Render an account. Refuses `account_invalid`."""
        return view(await self._load(caller, account_id))

    async def list(
        self, caller: Caller, filters: dict[str, Any], page: Page
    ) -> tuple[list[dict[str, Any]], bool]:
        """Render the platform's connected accounts, newest first; none of whoever is no platform.

        Clients such as dj-stripe list the accounts of any key that they are given.
        """
        platform = caller.merchant
        if not platform.is_platform:
            return [], False
        cursor = page.cursor
        if cursor is not None:
            await self._load(caller, cursor.object_id, cursor.param)
        ids = {"after": page.starting_after, "before": page.ending_before}
        parameters = (
            {"platform": platform.merchant_id}
            | {name: _named(one, platform.livemode) for name, one in ids.items()}
            | created_bounds(filters)
        )
        rows, more = await read_page(self._reader.query, "account_list", page, parameters)
        return [view(from_row(row)) for row in rows], more

    async def _change(
        self, caller: Caller, account_id: str, idempotency: IdempotencyRequest | None,
        decide_change: Callable[[Merchant], Merchant],
    ) -> Answer:  # fmt: skip
        target = merchant_id_of(account_id, caller.merchant.livemode)
        load: Callable[[], Awaitable[Merchant]] = lambda: self._load(caller, account_id)  # noqa: E731
        # Asked first: a key must not be claimed in the name of somebody else's account.
        await load()
        if idempotency is not None and target != caller.merchant.merchant_id:
            # The unit is the account's, since its event is; its platform's keys stand apart.
            route = f"{idempotency.route} by {caller.merchant.account_id}"
            idempotency = replace(idempotency, merchant_id=target, route=route)

        def decide(before: Merchant) -> OneUnit:
            after = decide_change(before)
            shown = view(after)
            if after == before:
                return OneUnit(Unit(target), shown)
            key = (target,)
            unit = Unit(
                target,
                relies_on=(RowVersion(_TABLE, key, before.version),),
                writes=(
                    Update(_TABLE, key, before.version, changes(after)),
                    self._event(caller, after, shown, view(before), idempotency),
                ),
            )
            return OneUnit(unit, shown)

        answer = await self._idempotency.run_once(idempotency, target, load, decide)
        self._forget(target)
        return answer

    async def _load(self, caller: Caller, account_id: str, param: str = "account") -> Merchant:
        row = await self._reader.get(
            _TABLE, (merchant_id_of(account_id, caller.merchant.livemode),)
        )
        own = caller.merchant.merchant_id
        if row is None or own not in (row["merchant_id"], row["platform"]):
            raise no_access(caller, account_id, param)
        return from_row(row)

    def _event(
        self, caller: Caller, after: Merchant, shown: dict[str, Any], before: dict[str, Any],
        idempotency: IdempotencyRequest | None,
    ) -> Insert:  # fmt: skip
        return events.record(
            merchant_id=after.merchant_id, livemode=after.livemode, event_id=self._ids.new("evt"),
            type="account.updated", object_view=shown, object_id=after.account_id,
            sequence=after.revision, created=self._clock.now(), request_id=caller.request_id,
            idempotency_key=idempotency.key if idempotency else None,
            previous_attributes=previous_attributes(before, shown),
        )  # fmt: skip


def no_access(caller: Caller, account_id: str, param: str | None = None) -> Refusal:
    """Return the refusal for an account that is not there or is somebody else's: the same."""
    return Refusal(
        Code.ACCOUNT_INVALID,
        f"The provided key '{caller.key_shown}' does not have access to account "
        f"'{shown_id(account_id)}' (or that account does not exist). Application access may have "
        "been revoked. Use an account that this platform made, in this mode.",
        param=param,
    )


def _need_platform(merchant: Merchant) -> None:
    if not merchant.is_platform:
        raise Refusal(
            Code.PLATFORM_ACCOUNT_REQUIRED,
            "Only a platform can create, list and reject connected accounts. Ask the operator of "
            "this installation to make your account a platform.",
        )


def _in_modes(opened: Merchant, platform: Merchant) -> tuple[Merchant, ...]:
    if not platform.livemode:
        return (opened,)
    test = replace(
        opened, merchant_id=merchant_id_of(opened.account_id, False), livemode=False,
        platform=merchant_id_of(platform.account_id, False),
    )  # fmt: skip
    return (opened, test)


def _named(account_id: str | None, livemode: bool) -> str | None:
    return None if account_id is None else merchant_id_of(account_id, livemode)
