"""The parts of checkout, wired: for merchants, for visitors of the page, for workers."""

from __future__ import annotations

from dataclasses import dataclass

from hazina.catalog.service import Catalog
from hazina.checkout.following import Following
from hazina.checkout.links import PaymentLinks
from hazina.checkout.paying import Paying
from hazina.checkout.service import CheckoutSessions
from hazina.checkout.visits import Visits
from hazina.clock import Clock
from hazina.customers.service import Customers
from hazina.db.reader import Reader
from hazina.db.writer import Writer
from hazina.idempotency.service import Idempotency
from hazina.ids import Ids
from hazina.merchants.clocks import Clocks
from hazina.merchants.service import Merchants
from hazina.payments.service import Payments


@dataclass(frozen=True, slots=True)
class Checkout:
    """One door per kind of caller."""

    sessions: CheckoutSessions
    links: PaymentLinks
    visits: Visits
    following: Following
    public_url: str


def wire(
    *, reader: Reader, writer: Writer, clock: Clock, clocks: Clocks, ids: Ids,
    idempotency: Idempotency, merchants: Merchants, payments: Payments, customers: Customers,
    catalog: Catalog, public_url: str,
) -> Checkout:  # fmt: skip
    """Return checkout over the given services; pages stand at `public_url`."""
    public_url = public_url.rstrip("/")
    paying = Paying(
        reader=reader, writer=writer, clocks=clocks, ids=ids, payments=payments,
        customers=customers, public_url=public_url,
    )  # fmt: skip
    sessions = CheckoutSessions(
        reader=reader, idempotency=idempotency, clocks=clocks, ids=ids, catalog=catalog,
        paying=paying, public_url=public_url,
    )  # fmt: skip
    return Checkout(
        sessions,
        PaymentLinks(
            reader=reader, idempotency=idempotency, clocks=clocks, ids=ids, catalog=catalog,
            public_url=public_url,
        ),
        Visits(
            reader=reader, merchants=merchants, customers=customers, ids=ids, paying=paying,
            sessions=sessions,
        ),
        Following(
            reader=reader, writer=writer, clock=clock, merchants=merchants, paying=paying
        ),
        public_url,
    )  # fmt: skip
