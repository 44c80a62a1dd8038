"""What changing a customer writes, its event included."""

from __future__ import annotations

from typing import Any

from hazina.customers.customer import Customer, to_row
from hazina.customers.customer import changes as columns
from hazina.customers.view import view
from hazina.db.unit import Insert, RowVersion, Update
from hazina.events.service import record
from hazina.payment_methods.changes import Changes, Moment, differing

TABLE = "customer"


def create(moment: Moment, customer: Customer) -> Changes:
    """Add a customer."""
    event = announced(moment, "customer.created", customer, view(customer))
    return Changes(writes=(Insert(TABLE, to_row(customer)), event))


def update(moment: Moment, before: Customer, after: Customer) -> Changes:
    """Change a customer and say what it was before; nothing is written where nothing differs."""
    relied = (RowVersion(TABLE, before.key, before.version),)
    if after == before:
        return Changes(relied)
    shown = view(after)
    previous = differing(view(before), shown)
    event = announced(moment, "customer.updated", after, shown, previous)
    written = Update(TABLE, before.key, before.version, columns(after))
    return Changes(relied, (written, event))


def erase(moment: Moment, before: Customer) -> Changes:
    """Erase a customer. The event shows it as it was, as Stripe's does."""
    after = before.erased()
    event = announced(moment, "customer.deleted", after, view(before))
    return Changes(
        (RowVersion(TABLE, before.key, before.version),),
        (Update(TABLE, before.key, before.version, columns(after)), event),
    )


def announced(
    moment: Moment,
    type: str,
    customer: Customer,
    shown: dict[str, Any],
    previous: dict[str, Any] | None = None,
) -> Insert:
    """Return the event that a customer became what it is."""
    return record(
        merchant_id=customer.merchant_id,
        livemode=customer.livemode,
        event_id=moment.ids.new("evt"),
        type=type,
        object_view=shown,
        object_id=customer.id,
        sequence=customer.revision,
        created=moment.now,
        request_id=moment.cause.request_id,
        idempotency_key=moment.cause.idempotency_key,
        previous_attributes=previous,
    )
