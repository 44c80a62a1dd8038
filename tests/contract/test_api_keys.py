"""API keys over the API: made, listed, rolled, revoked, and restricted to scopes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from hazina.clock import ManualClock, SystemClock
from hazina.refusals import Refusal
from tests.support.direct import Direct, direct

KEYS = "/v1/hazina/api_keys"
PAY = {
    "amount": "2000", "currency": "kes", "payment_method": "pm_card_visa", "confirm": "true",
    "return_url": "https://duka.test/done",
}  # fmt: skip


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Direct]:
    async with direct(database_url) as opened:
        yield opened


@pytest.fixture
async def key(api: Direct) -> str:
    return await api.core.merchants.issue_key(await api.core.merchants.create())


async def restricted(api: Direct, key: str, **scopes: str) -> str:
    fields = {f"scopes[{name}]": level for name, level in scopes.items()}
    made = await api.post(key, KEYS, type="restricted", **fields)
    return str(made["secret"])


async def test_a_key_is_shown_once_and_works(api: Direct, key: str) -> None:
    for kind, prefix in (("secret", "sk_test_"), ("publishable", "pk_test_")):
        made = await api.post(key, KEYS, type=kind, name="till 1")
        secret = made.pop("secret")
        assert secret.startswith(prefix)
        assert (made["last4"], made["name"], made["status"]) == (secret[-4:], "till 1", "active")
        assert (await api.send(key, "GET", f"{KEYS}/{made['id']}")).body == made
        listed = (await api.send(key, "GET", KEYS)).body["data"]
        assert listed[0] == made
    assert (await api.send(secret, "GET", "/v1/customers")).code == "secret_key_required"


async def test_a_repeated_request_makes_one_key_and_does_not_show_it_again(
    api: Direct, key: str, database_url: str
) -> None:
    first, again = [
        (await api.send(key, "POST", KEYS, {"type": "secret"}, idempotency_key="k")).body
        for _ in range(2)
    ]
    secret = first.pop("secret")
    assert first == again
    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "SELECT count(*) FROM idempotency_key WHERE position(%s::bytea IN body) > 0",
            (secret.encode(),),
        ).fetchone()
    assert kept == (0,)


async def test_a_rolled_key_works_on_for_its_grace_time(api: Direct, key: str) -> None:
    (old,) = (await api.send(key, "GET", KEYS)).body["data"]
    made = await api.post(key, f"{KEYS}/{old['id']}/roll", grace_seconds="60")
    assert (await api.send(made["secret"], "GET", "/v1/balance")).status == 200
    assert (await api.send(key, "GET", "/v1/balance")).status == 200
    shown = (await api.send(made["secret"], "GET", f"{KEYS}/{old['id']}")).body
    assert (shown["status"], shown["expires_at"] > shown["created"]) == ("expiring", True)
    again = await api.send(made["secret"], "POST", f"{KEYS}/{old['id']}/roll")
    assert (again.status, again.code) == (400, "parameter_invalid")
    at_once = await api.post(made["secret"], f"{KEYS}/{old['id']}/revoke")
    assert at_once["status"] == "revoked"
    refused = await api.send(key, "GET", "/v1/balance")
    assert (refused.status, refused.code) == (401, "api_key_expired")
    assert key not in refused.raw.decode()


async def test_a_key_ends_when_its_grace_time_is_over(fresh_database_url: str) -> None:
    clock = ManualClock(SystemClock().now())
    async with direct(fresh_database_url, clock=clock) as api:
        merchants = api.core.merchants
        key = await merchants.issue_key(await merchants.create())
        (one,) = (await api.send(key, "GET", KEYS)).body["data"]
        await api.post(key, f"{KEYS}/{one['id']}/revoke", grace_seconds="60")
        clock.advance_ms(59_000)
        await merchants.authenticate(key, "req_1")
        clock.advance_ms(1_000)
        with pytest.raises(Refusal, match="revoked"):
            await merchants.authenticate(key, "req_1")


async def test_revocation_reaches_another_process_within_five_seconds(
    fresh_database_url: str,
) -> None:
    clock = ManualClock(SystemClock().now())
    async with (
        direct(fresh_database_url) as here,
        direct(fresh_database_url, clock=clock) as there,
    ):
        key = await here.core.merchants.issue_key(await here.core.merchants.create())
        await there.core.merchants.authenticate(key, "req_1")
        (one,) = (await here.send(key, "GET", KEYS)).body["data"]
        await here.post(key, f"{KEYS}/{one['id']}/revoke")
        clock.advance_ms(5_001)
        with pytest.raises(Refusal, match="revoked"):
            await there.core.merchants.authenticate(key, "req_1")


async def test_a_restricted_key_may_do_what_its_scopes_say_and_no_more(
    api: Direct, key: str
) -> None:
    customer = await api.post(key, "/v1/customers", name="Amina")
    paid = await api.post(key, "/v1/payment_intents", customer=customer["id"], **PAY)
    limited = await restricted(api, key, payment_intents="write", customers="read", refunds="none")
    one = f"/v1/payment_intents/{paid['id']}"

    async def asked(method: str, path: str, **fields: Any) -> tuple[int, str | None]:
        answer = await api.send(limited, method, path, fields)
        return answer.status, answer.code

    assert limited.startswith("rk_test_")
    assert await asked("GET", one) == (200, None)
    assert await asked("POST", "/v1/payment_intents", **PAY) == (200, None)
    assert await asked("GET", f"{one}?expand[]=customer") == (200, None)
    missing = (403, "permission_missing")
    assert await asked("GET", f"{one}?expand[]=latest_charge") == missing
    assert await asked("POST", "/v1/payment_intents", **PAY, **{"expand[]": "latest_charge"}) == (
        missing
    )
    assert await asked("POST", "/v1/customers", name="x") == missing
    assert await asked("POST", "/v1/refunds", payment_intent=paid["id"]) == missing
    assert await asked("GET", "/v1/events") == missing
    assert await asked("GET", KEYS) == missing
    assert await asked("POST", KEYS, type="secret") == missing
    refused = (await api.send(limited, "POST", "/v1/refunds", {"payment_intent": paid["id"]})).body
    assert "refunds=write" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "type"),
        ({"type": "restricted"}, "scopes"),
        ({"type": "restricted", "scopes[refunds]": "none"}, "scopes"),
        ({"type": "secret", "scopes[refunds]": "read"}, "scopes"),
        ({"type": "restricted", "scopes[api_keys]": "write"}, "scopes[api_keys]"),
        ({"type": "restricted", "scopes[refunds]": "all"}, "scopes[refunds]"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    api: Direct, key: str, fields: dict[str, str], param: str
) -> None:
    refused = await api.send(key, "POST", KEYS, fields)
    assert (refused.status, refused.body["error"]["param"]) == (400, param)
