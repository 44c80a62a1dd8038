"""Authorizations whose time is over, which a worker voids: nobody waits for an answer."""

from __future__ import annotations

import psycopg

from hazina.bootstrap.app import Core
from hazina.idempotency.service import Answer, IdempotencyRequest
from hazina.merchants.merchant import Caller
from tests.faults.matrix.flow import End, Flow
from tests.faults.matrix.flows.payments import PLACES
from tests.support import crash

_TIME_IS_OVER = (
    "UPDATE charge SET capture_before = now(), version = version + 1 "
    "WHERE payment_intent = %(intent)s AND NOT EXISTS (SELECT FROM command "
    "WHERE payment_intent = %(intent)s AND operation = 'void')"
)


async def _prepare(core: Core, caller: Caller, cell: str, metadata: dict[str, str]) -> str:
    return await crash.prepare_with(core, caller, "cancel", metadata)


async def _perform(
    core: Core, caller: Caller, intent: str, metadata: dict[str, str], key: IdempotencyRequest
) -> Answer:
    with psycopg.connect(core.settings.database_url) as connection:
        connection.execute(_TIME_IS_OVER, {"intent": intent})
    await core.payments.expire_due()
    shown = await core.payments.retrieve(caller, "payment_intent", intent)
    return crash.shown(shown)


FLOWS = (
    Flow(
        name="expiry", places=PLACES, prepare=_prepare, perform=_perform, sends="void",
        owed=True, done=End("canceled", ("payment_intent.canceled", "charge.expired")),
        failed=End("requires_capture"), declined=None, refused=None, replays=False, alone=True,
    ),
)  # fmt: skip
