"""What changing a payment method writes, events included: values for other packages' units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from hazina.db.unit import Insert, RowVersion, Unit, Update
from hazina.events.service import Cause, record
from hazina.ids import Ids
from hazina.merchants.merchant import Merchant
from hazina.payment_methods.method import PaymentMethod, written
from hazina.payment_methods.unkeepable import check_keepable
from hazina.payment_methods.view import method_view, source_view


class Moment(Protocol):
    """When, for whom and why something is decided. `Deciding` is one, a payment's draft another."""

    @property
    def merchant(self) -> Merchant: ...
    @property
    def now(self) -> datetime: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def cause(self) -> Cause: ...


@dataclass(frozen=True, slots=True)
class Deciding:
    """The moment of a decision that is one unit of work."""

    merchant: Merchant
    now: datetime
    ids: Ids
    cause: Cause


@dataclass(frozen=True, slots=True)
class Changes:
    """A part of a unit of work: what it relies on and what it writes."""

    relies_on: tuple[RowVersion, ...] = ()
    writes: tuple[Insert | Update, ...] = ()

    def __add__(self, other: Changes) -> Changes:
        return Changes(self.relies_on + other.relies_on, self.writes + other.writes)

    def added_to(self, unit: Unit) -> Unit:
        """Return a unit with this part."""
        return replace(
            unit, relies_on=unit.relies_on + self.relies_on, writes=unit.writes + self.writes
        )

    def unit(self, merchant_id: str) -> Unit:
        """Return a unit that is this part alone."""
        return Unit(merchant_id, relies_on=self.relies_on, writes=self.writes)


def stored(method: PaymentMethod) -> Changes:
    """Store a new method; Stripe announces none."""
    return Changes(*written(method, method))


def attach(
    moment: Moment, before: PaymentMethod, customer_id: str
) -> tuple[PaymentMethod, Changes]:
    """Give a method, stored or new, to a customer that exists.

    Refuses `payment_method_unexpected_state`, and as `check_keepable` does. A method that the
    customer has already stays as it is, and nothing is announced.
    """
    after = before.attached_to(customer_id)
    changes = Changes(*written(before, after))
    if after != before:
        check_keepable(after.instrument.behaviour)
        name = "customer.source.created" if after.is_source else "payment_method.attached"
        changes += announced(moment, name, after)
    return after, changes


def set_up(
    moment: Moment, before: PaymentMethod, customer_id: str | None
) -> tuple[PaymentMethod, Changes]:
    """Note that a method's bank agreed to later payments; attach it where that is possible.

    Refuses nothing: what a bank has agreed to cannot be taken back by what happened meanwhile.
    """
    after = before.set_up()
    if customer_id is None or before.customer is not None or before.detached:
        return after, Changes(*written(before, after))
    after = after.attached_to(customer_id)
    changes = Changes(*written(before, after))
    return after, changes + announced(moment, "payment_method.attached", after)


def detach(moment: Moment, before: PaymentMethod) -> tuple[PaymentMethod, Changes]:
    """Take a method from its customer, for good. Refuses `payment_method_unexpected_state`."""
    after = before.detached_for_good()
    changes = Changes(*written(before, after))
    if after.is_source:
        return after, changes + announced(moment, "customer.source.deleted", before)
    previous = {"customer": before.customer}
    return after, changes + announced(moment, "payment_method.detached", after, previous)


def update(moment: Moment, before: PaymentMethod, after: PaymentMethod) -> Changes:
    """Change a method's words or its card's expiry, and announce what differs."""
    changes = Changes(*written(before, after))
    if after == before:
        return changes
    name = "customer.source.updated" if after.is_source else "payment_method.updated"
    render = source_view if after.is_source else method_view
    return changes + announced(moment, name, after, differing(render(before), render(after)))


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the old values of what differs, as `previous_attributes` carries them.

    Objects are compared inside; lists are shown whole.
    """
    found: dict[str, Any] = {}
    for name, value in after.items():
        old = before.get(name)
        if old == value:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            found[name] = differing(old, dict.fromkeys(old) | value)
        else:
            found[name] = old
    return found


def announced(
    moment: Moment, type: str, method: PaymentMethod, previous: dict[str, Any] | None = None
) -> Changes:
    """Return the event that a method became what it is."""
    shown = source_view(method) if method.is_source else method_view(method)
    event = record(
        merchant_id=method.merchant_id,
        livemode=method.livemode,
        event_id=moment.ids.new("evt"),
        type=type,
        object_view=shown,
        object_id=method.id,
        sequence=method.revision,
        created=moment.now,
        request_id=moment.cause.request_id,
        idempotency_key=moment.cause.idempotency_key,
        previous_attributes=previous,
    )
    return Changes(writes=(event,))
