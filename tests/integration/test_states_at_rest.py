"""The index of states at rest costs a payment that simply succeeds nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.support.flows import Shop, open_shop
from tests.support.simulator import Simulator


@pytest.fixture
async def shop(database_url: str, simulator: Simulator) -> AsyncIterator[Shop]:
    async with open_shop(database_url, simulator) as opened:
        yield opened


_AS_UNIT_1_LEFT_IT = """
CREATE TEMP TABLE first ON COMMIT DROP AS SELECT * FROM payment_intent WHERE id = %(id)s
"""
_INSERT = """
INSERT INTO payment_intent ({columns}) SELECT {columns} FROM first
"""
_SETTLE = """
UPDATE payment_intent SET status = 'succeeded', operation = NULL, operation_kind = NULL,
    latest_charge = 'ch_1', amount_received = amount, revision = 2, version = 2
WHERE id = 'pi_copy'
"""


async def test_a_payment_is_never_in_the_index_and_its_row_is_updated_in_place(
    shop: Shop, database_url: str
) -> None:
    paid = await shop.pay()
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT at_rest FROM payment_intent WHERE id = %s", (paid["id"],)
        ).fetchone()
        assert row == (None,)

        connection.execute(_AS_UNIT_1_LEFT_IT, {"id": paid["id"]})
        connection.execute(
            "UPDATE first SET id = 'pi_copy', status = 'requires_confirmation',"
            " operation = 'cmd_1', operation_kind = 'authorize', latest_charge = NULL"
        )
        found = connection.execute(
            "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
            " WHERE table_name = 'payment_intent' AND is_generated = 'NEVER'"
        ).fetchone()
        assert found is not None
        connection.execute(_INSERT.format(columns=found[0]).encode())
        connection.execute(_SETTLE)
        in_place = connection.execute(
            "SELECT pg_stat_get_xact_tuples_hot_updated('payment_intent'::regclass)"
        ).fetchone()
        connection.rollback()
    assert in_place == (1,)


async def test_a_payment_that_fails_or_waits_is_in_the_index(shop: Shop, database_url: str) -> None:
    waiting = await shop.pay("pm_card_authenticationRequired")
    failed = await shop.pay("pm_card_chargeDeclined")
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT at_rest FROM payment_intent WHERE id = ANY(%s) ORDER BY id",
            ([waiting["id"], failed["payment_intent"]["id"]],),
        ).fetchall()
    assert found == [("requires_action",), ("requires_payment_method",)]
