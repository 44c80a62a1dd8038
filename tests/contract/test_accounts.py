"""Platforms and their connected accounts: made, changed, acted for, heard of and rejected."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from hazina.clock import SystemClock
from hazina.ids import SystemIds
from hazina.webhooks.deliveries import WebhookDeliveries
from hazina.webhooks.fanning import FanOut
from tests.support import event_log
from tests.support.direct import Direct, direct

PAY = {
    "amount": "2000", "currency": "kes", "payment_method": "pm_card_visa", "confirm": "true",
    "return_url": "https://duka.test/done",
}  # fmt: skip


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Direct]:
    async with direct(database_url) as opened:
        yield opened


async def platform(api: Direct, *, livemode: bool = False, account_id: str | None = None) -> str:
    merchants = api.core.merchants
    merchant = await merchants.create(livemode=livemode, is_platform=True, account_id=account_id)
    return await merchants.issue_key(merchant)


async def test_a_platform_makes_reads_changes_and_lists_its_accounts(api: Direct) -> None:
    key = await platform(api)
    made = await api.post(
        key, "/v1/accounts", type="standard", country="US", email="a@duka.test",
        **{"business_profile[name]": "Duka A", "business_profile[url]": "https://duka.test",
           "capabilities[card_payments][requested]": "true",
           "capabilities[transfers][requested]": "true", "metadata[a]": "1"},
    )  # fmt: skip
    assert made["charges_enabled"] is True
    assert made["capabilities"] == {"card_payments": "active", "transfers": "inactive"}
    one = f"/v1/accounts/{made['id']}"
    changed = await api.post(
        key, one, **{"metadata[a]": "2", "business_profile[mcc]": "5734", "email": ""}
    )
    assert (changed["metadata"], changed["email"]) == ({"a": "2"}, None)
    assert changed["business_profile"]["name"] == "Duka A"
    assert (await api.send(key, "GET", one)).body == changed
    second = await api.post(key, "/v1/accounts")
    listed = (await api.send(key, "GET", "/v1/accounts?limit=1")).body
    assert ([found["id"] for found in listed["data"]], listed["has_more"]) == ([second["id"]], True)
    rest = (await api.send(key, "GET", f"/v1/accounts?starting_after={second['id']}")).body
    assert [found["id"] for found in rest["data"]] == [made["id"]]
    before = (await api.send(key, "GET", f"/v1/accounts?ending_before={made['id']}")).body
    assert [found["id"] for found in before["data"]] == [second["id"]]


async def test_an_update_leaves_its_event_in_the_accounts_own_log(api: Direct) -> None:
    key = await platform(api)
    made = await api.post(key, "/v1/accounts")
    await api.post(key, f"/v1/accounts/{made['id']}", **{"metadata[foo]": "bar"})
    own = await api.send(key, "GET", "/v1/events?type=account.updated")
    theirs = await api.send(
        key, "GET", "/v1/events?type=account.updated", stripe_account=made["id"]
    )
    assert own.body["data"] == []
    (event,) = theirs.body["data"]
    assert event["data"]["object"]["metadata"] == {"foo": "bar"}
    assert event["data"]["previous_attributes"] == {"metadata": {}}


async def test_a_repeated_request_makes_one_account_and_one_change(api: Direct) -> None:
    key = await platform(api)
    first, again = [
        await api.send(key, "POST", "/v1/accounts", {"email": "a@b.ke"}, idempotency_key="k")
        for _ in range(2)
    ]
    assert first.raw == again.raw
    assert again.headers["idempotent-replayed"] == "true"
    path = f"/v1/accounts/{first.body['id']}"
    changed = [
        await api.send(key, "POST", path, {"email": "b@b.ke"}, idempotency_key="k")
        for _ in range(2)
    ]
    assert changed[0].raw == changed[1].raw
    reused = await api.send(key, "POST", path, {"email": "c@b.ke"}, idempotency_key="k")
    assert reused.code == "idempotency_key_reused"
    events = await api.send(key, "GET", "/v1/events", stripe_account=first.body["id"])
    assert len(events.body["data"]) == 1


async def test_a_platform_key_acts_for_its_account_and_for_no_other(api: Direct) -> None:
    key, foreign = await platform(api), await platform(api)
    account = (await api.post(key, "/v1/accounts"))["id"]
    paid = await api.send(key, "POST", "/v1/payment_intents", PAY, stripe_account=account)
    assert paid.body["status"] == "succeeded"
    path = f"/v1/payment_intents/{paid.body['id']}"
    assert (await api.send(key, "GET", path, stripe_account=account)).body == paid.body
    assert (await api.send(key, "GET", path)).code == "resource_missing"
    shown = await api.send(key, "GET", "/v1/account", stripe_account=account)
    assert shown.body["id"] == account
    for asked in (
        await api.send(foreign, "GET", path, stripe_account=account),
        await api.send(key, "GET", path, stripe_account="acct_none"),
        await api.send(foreign, "GET", f"/v1/accounts/{account}"),
        await api.send(foreign, "POST", f"/v1/accounts/{account}", {"email": "x@y.ke"}),
        await api.send(foreign, "POST", f"/v1/accounts/{account}/reject", {"reason": "fraud"}),
    ):
        assert (asked.status, asked.code) == (403, "account_invalid"), asked.body


async def test_who_is_no_platform_can_make_no_account_and_has_none(api: Direct) -> None:
    merchants = api.core.merchants
    key = await merchants.issue_key(await merchants.create())

    assert (await api.send(key, "POST", "/v1/accounts")).code == "platform_account_required"
    assert (await api.send(key, "GET", "/v1/accounts")).body["data"] == []


async def test_a_rejected_account_is_charged_no_more_and_can_still_refund(api: Direct) -> None:
    key = await platform(api)
    account = (await api.post(key, "/v1/accounts"))["id"]
    paid = await api.send(key, "POST", "/v1/payment_intents", PAY, stripe_account=account)
    waiting = await api.send(
        key, "POST", "/v1/payment_intents", {"amount": "500", "currency": "kes"},
        stripe_account=account,
    )  # fmt: skip
    rejected = await api.post(key, f"/v1/accounts/{account}/reject", reason="fraud")
    assert rejected["requirements"]["disabled_reason"] == "rejected.fraud"
    assert (rejected["charges_enabled"], rejected["capabilities"]["card_payments"]) == (
        False, "inactive",
    )  # fmt: skip
    confirm = f"/v1/payment_intents/{waiting.body['id']}/confirm"
    legacy = {"amount": "900", "currency": "kes", "source": "tok_visa"}
    for path, fields in (
        ("/v1/payment_intents", PAY),
        ("/v1/payment_intents", {"amount": "500", "currency": "kes"}),
        ("/v1/charges", legacy),
        (confirm, {"payment_method": "pm_card_visa"}),
    ):
        refused = await api.send(key, "POST", path, fields, stripe_account=account)
        assert (refused.status, refused.code) == (403, "account_charges_disabled"), refused.body
    refund = await api.send(
        key, "POST", "/v1/refunds", {"payment_intent": paid.body["id"], "amount": "100"},
        stripe_account=account,
    )  # fmt: skip
    assert refund.status == 200
    own = (await api.send(key, "GET", "/v1/account")).body["id"]
    itself = await api.send(key, "POST", f"/v1/accounts/{own}/reject", {"reason": "other"})
    assert itself.status == 400


async def test_test_and_live_mode_of_an_account_never_share_a_balance(api: Direct) -> None:
    live = await platform(api, livemode=True)
    own = (await api.send(live, "GET", "/v1/account")).body["id"]
    test = await platform(api, account_id=own)
    account = (await api.post(live, "/v1/accounts"))["id"]
    paid = await api.send(test, "POST", "/v1/payment_intents", PAY, stripe_account=account)
    assert paid.body["livemode"] is False
    sums = [
        (await api.send(key, "GET", "/v1/balance", stripe_account=account)).body["pending"]
        for key in (test, live)
    ]
    assert any(line["amount"] for line in sums[0])
    assert not any(line["amount"] for line in sums[1])
    path = f"/v1/payment_intents/{paid.body['id']}"
    assert (await api.send(live, "GET", path, stripe_account=account)).status == 404
    # Made with a test key, an account is not there in live mode at all.
    only_test = (await api.post(test, "/v1/accounts"))["id"]
    refused = await api.send(live, "GET", f"/v1/accounts/{only_test}")
    assert refused.code == "account_invalid"


async def test_a_connect_endpoint_hears_of_connected_accounts_and_only_of_them(
    fresh_database_url: str,
) -> None:
    async with direct(fresh_database_url) as api:
        key = await platform(api)
        account = (await api.post(key, "/v1/accounts"))["id"]
        hooks = {}
        for connect in ("true", "false"):
            made = await api.post(
                key, "/v1/webhook_endpoints", url="https://duka.test/hook", connect=connect,
                **{"enabled_events[]": "*"},
            )  # fmt: skip
            hooks[made["id"]] = connect
        await api.post(key, f"/v1/accounts/{account}", email="a@b.ke")
        await api.post(key, "/v1/customers", name="Amina")
        core = api.core
        deliveries = WebhookDeliveries(core.reader, core.writer, SystemClock(), SystemIds())
        fanning = FanOut(core.reader, core.writer, core.events, SystemClock())
        await event_log.readable(fresh_database_url)
        while await fanning.step(100):
            pass
        heard = [
            (hooks[due.endpoint], orjson.loads(due.body)) for due in await deliveries.due(10, {})
        ]
        assert sorted((connect, event["type"]) for connect, event in heard) == [
            ("false", "customer.created"), ("true", "account.updated"),
        ]  # fmt: skip
        for connect, event in heard:
            assert event.get("account") == (account if connect == "true" else None)
