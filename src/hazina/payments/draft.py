"""A unit of work being drafted: what a decision has gathered so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter, is_
from typing import Any

from hazina.balances.line import Line
from hazina.balances.service import balance_view
from hazina.db.table import Row
from hazina.db.unit import Claim, Delete, Insert, Lane, RowVersion, Unit, Update
from hazina.events.service import Cause, record
from hazina.ids import Ids
from hazina.ledger.chart import AccountCode
from hazina.ledger.types import Transfer
from hazina.merchants.merchant import Merchant
from hazina.payment_methods.changes import differing
from hazina.payments.charge import Charge
from hazina.payments.intent import Intent, check_transition
from hazina.payments.refund import Refund
from hazina.rails.contract import Capabilities

Held = Intent | Charge | Refund
_TABLES: dict[type, str] = {Intent: "payment_intent", Charge: "charge", Refund: "refund"}
_COLUMNS: dict[type, tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if f.name != "version") for kind in _TABLES
}
_VALUES = {kind: attrgetter(*columns) for kind, columns in _COLUMNS.items()}


@dataclass(slots=True)
class Draft:
    """Collects rows, transfers and events of one unit of work.

    `now` is the moment of the decision, `slot` the writer slot whose house accounts are used,
    `capabilities` what each provider account can do. `accounts` are the merchant's in the ledger,
    read where `balance.available` is to be told.
    """

    merchant: Merchant
    now: datetime
    ids: Ids
    slot: int
    cause: Cause
    lane: Lane = Lane.PAYMENT
    capabilities: Mapping[str, Capabilities] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    relies_on: list[RowVersion] = field(default_factory=list)
    writes: list[Insert | Update | Delete] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    on_refusal: list[Insert | Claim | Update | Delete] = field(default_factory=list)
    accounts: Sequence[Row] | None = None
    _shown: dict[int, tuple[Held, dict[str, Any]]] = field(default_factory=dict)

    def add(self, new: Held) -> None:
        """Insert an object."""
        kind = type(new)
        row = dict(zip(_COLUMNS[kind], _VALUES[kind](new), strict=True))
        self.writes.append(Insert(_TABLES[kind], row))

    def put(self, old: Held, new: Held) -> None:
        """Change an object under the version that was read; write only what differs."""
        kind = type(old)
        if isinstance(old, Intent) and isinstance(new, Intent):
            check_transition(old.status, new.status)
        before, after = _VALUES[kind](old), _VALUES[kind](new)
        others = [place for place, same in enumerate(map(is_, before, after)) if not same]
        names = _COLUMNS[kind]
        changes = {names[at]: after[at] for at in others if before[at] != after[at]}
        key = (old.merchant_id, old.id)
        self.relies_on.append(RowVersion(_TABLES[kind], key, old.version))
        if changes:
            self.writes.append(Update(_TABLES[kind], key, old.version, changes))

    def settle(self, change: tuple[RowVersion, Update]) -> None:
        """Add a change that another package made."""
        self.relies_on.append(change[0])
        self.writes.append(change[1])

    def line(self, line: Line) -> None:
        """Add a line of the merchant's balance."""
        self.writes.append(line.insert())

    def shown(self, new: Held, view: Callable[[Any, bool], dict[str, Any]]) -> dict[str, Any]:
        """Return an object's public shape; an event and the answer show the same one."""
        kept = self._shown.get(id(new))
        if kept is None:
            # With the object itself, so that its identity is nobody else's meanwhile.
            kept = self._shown[id(new)] = new, view(new, self.merchant.livemode)
        return kept[1]

    def event(
        self,
        type: str,
        new: Held,
        view: Callable[[Any, bool], dict[str, Any]],
        was: Held | None = None,
    ) -> None:
        """Record that an object became what it is now, and how what differs looked in `was`."""
        if isinstance(new, Intent) and new.hidden:
            return
        shown = self.shown(new, view)
        livemode = self.merchant.livemode
        previous = None if was is None else differing(view(was, livemode), shown)
        self.writes.append(
            record(
                merchant_id=self.merchant.merchant_id,
                livemode=livemode,
                event_id=self.ids.new("evt"),
                type=type,
                object_view=shown,
                object_id=new.id,
                sequence=new.revision,
                created=self.now,
                request_id=self.cause.request_id,
                idempotency_key=self.cause.idempotency_key,
                previous_attributes=previous,
            )
        )

    def balance_available(self, currency: str, moved: dict[AccountCode, int]) -> None:
        """Record that money became available, with the balance as read and this unit's effect.

        What others commit in the meantime is in the next event, as it is with any snapshot.
        """
        if self.accounts is None:
            return
        merchant = self.merchant
        shown = balance_view(
            self.accounts, merchant, {(code, currency): minor for code, minor in moved.items()}
        )
        self.writes.append(
            record(
                merchant_id=merchant.merchant_id, livemode=merchant.livemode,
                event_id=self.ids.new("evt"), type="balance.available", object_view=shown,
                object_id="balance", sequence=0, created=self.now,
                request_id=self.cause.request_id, idempotency_key=self.cause.idempotency_key,
            )
        )  # fmt: skip

    def unit(self) -> Unit:
        """Return the finished unit of work."""
        return Unit(
            merchant_id=self.merchant.merchant_id,
            claims=tuple(self.claims),
            relies_on=tuple(self.relies_on),
            transfers=tuple(self.transfers),
            writes=tuple(self.writes),
            on_refusal=tuple(self.on_refusal),
            lane=self.lane,
        )
