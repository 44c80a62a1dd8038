"""The operator's inbox: quarantined callbacks are seen and tried again, by nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.support.direct import Direct, direct

_OPERATOR = "acct_operator"
_HELD = """
INSERT INTO inbox (connector, deduplication_key, reference, body, headers, state, tries, next_at,
    reason, received)
VALUES ('one', %s, %s, 'raw', '{}', %s, 5, NULL, 'no command has this reference', now())
"""


@pytest.fixture
async def api(fresh_database_url: str) -> AsyncIterator[Direct]:
    with psycopg.connect(fresh_database_url) as connection:
        for number in range(3):
            connection.execute(_HELD, (f"k-{number}/x", f"cmd_{number}", "quarantined"))
        connection.execute(_HELD, ("parked", "cmd_9", "parked"))
    async with direct(fresh_database_url, operator_account=_OPERATOR) as api:
        yield api


async def _operator(api: Direct) -> str:
    merchant = await api.core.merchants.create(account_id=_OPERATOR)
    return await api.core.merchants.issue_key(merchant)


async def test_the_operator_sees_what_is_held_back_and_never_the_messages(api: Direct) -> None:
    answer = await api.send(
        await _operator(api), "GET", "/v1/hazina/inbox", {"state": "quarantined"}
    )

    assert answer.body["counts"] == {"parked": 1, "quarantined": 3, "received": 0}
    assert [one["reference"] for one in answer.body["data"]] == ["cmd_0", "cmd_1", "cmd_2"]
    assert b"raw" not in answer.raw


async def test_one_is_tried_again_once_per_key_and_then_the_rest(api: Direct) -> None:
    key = await _operator(api)
    shown = (await api.send(key, "GET", "/v1/hazina/inbox", {"state": "quarantined"})).body
    first = {"callback": shown["data"][0]["id"]}
    path = "/v1/hazina/inbox/replay"

    one = await api.send(key, "POST", path, first, idempotency_key="a")
    again = await api.send(key, "POST", path, first, idempotency_key="a")
    gone = await api.send(key, "POST", path, first)
    rest = await api.send(key, "POST", path)

    assert one.raw == again.raw
    assert [each["state"] for each in one.body["data"]] == ["received"]
    assert gone.code == "resource_missing"
    assert [each["reference"] for each in rest.body["data"]] == ["cmd_1", "cmd_2"]


async def test_a_restricted_key_of_the_operator_needs_the_scope(api: Direct) -> None:
    secret = await _operator(api)
    made = await api.post(
        secret, "/v1/hazina/api_keys", type="restricted", **{"scopes[callbacks]": "read"}
    )

    assert (await api.send(made["secret"], "GET", "/v1/hazina/inbox")).status == 200
    refused = await api.send(made["secret"], "POST", "/v1/hazina/inbox/replay")
    assert refused.code == "permission_missing"
