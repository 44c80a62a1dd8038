"""Clients' own ledgers over HTTP messages, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import psycopg
import pytest

import hazina
from hazina.api.endpoint import Endpoint
from hazina.api.route import Router
from hazina.api.table import ROUTES
from hazina.clock import SystemClock
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.table import Schema
from hazina.db.writer import Writer
from hazina.idempotency import tables as idempotency_tables
from hazina.idempotency.service import Idempotency
from hazina.ids import SystemIds
from hazina.ledger import tables as ledger_tables
from hazina.ledger.engine import LedgerEngine
from hazina.ledger.service import Ledgers
from hazina.merchants import tables as merchant_tables
from hazina.merchants.limits import MemoryLimits, Rate
from hazina.merchants.service import Merchants
from tests.support import stripe_schema

SCHEMA = Schema(ledger_tables.TABLES + merchant_tables.TABLES + idempotency_tables.TABLES)
ACCOUNTS, TRANSFERS = "/v1/ledger/accounts", "/v1/ledger/transfers"
BULK = f"{TRANSFERS}_bulk"


class Client:
    """Sends JSON to the endpoint as a server would hand it over."""

    def __init__(self, endpoint: Endpoint, key: str) -> None:
        self._endpoint = endpoint
        self._key = key
        self.replayed = False

    async def __call__(
        self,
        method: str,
        path: str,
        fields: dict[str, Any] | None = None,
        status: int = 200,
        key: str | None = None,
    ) -> dict[str, Any]:
        path, _, query = path.partition("?")
        body = b"" if fields is None else orjson.dumps(fields)
        raw = {
            "authorization": f"Bearer {self._key}",
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        if key is not None:
            raw["idempotency-key"] = key
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
        }  # fmt: skip
        await self._endpoint(scope, receive, keep)
        answer: dict[str, Any] = orjson.loads(sent[1]["body"])
        self.replayed = (b"idempotent-replayed", b"true") in sent[0]["headers"]
        assert stripe_schema.check(answer) == []
        assert sent[0]["status"] == status, answer
        return answer


@pytest.fixture
async def clients(database_url: str) -> AsyncIterator[tuple[Client, Client]]:
    """Two merchants over one database."""
    clock, ids = SystemClock(), SystemIds()
    store = PostgresStore(database_url, SCHEMA, LedgerEngine(clock))
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    files = sorted(Path(hazina.__file__).parent.glob("**/queries.sql"))
    reader = PooledReader(database_url, SCHEMA, files)
    await reader.open()
    merchants = Merchants(reader, writer, clock, ids, b"pepper")
    core: Any = SimpleNamespace(
        docs_url="https://pay.example/docs",
        requests_max=100,
        ids=ids,
        merchants=merchants,
        ledgers=Ledgers(reader, writer, clock),
        idempotency=Idempotency(reader, writer, clock, "https://pay.example/docs"),
        limits=MemoryLimits(clock, Rate(0, 0), Rate(0, 0)),
    )
    endpoint = Endpoint(core, Router(ROUTES))
    made = [Client(endpoint, await merchants.issue_key(await merchants.create())) for _ in "ab"]
    yield made[0], made[1]
    await writer.close()
    await reader.close()
    await store.close()


def account(number: int, **values: Any) -> dict[str, Any]:
    return {"id": str(number), "ledger": 1, "code": 10, **values}


def transfer(number: int, amount: int, **values: Any) -> dict[str, Any]:
    between = {"debit_account_id": "1", "credit_account_id": "2", "ledger": 1, "code": 1}
    return {"id": str(number), "amount": str(amount), **between, **values}


async def test_accounts_and_transfers_are_made_once_and_read_back(
    clients: tuple[Client, Client],
) -> None:
    send, stranger = clients
    limited = account(
        2, flags=["debits_must_not_exceed_credits"], overdraft="30", metadata={"owner": "Achieng"}
    )
    await send("POST", ACCOUNTS, account(1))
    opened = await send("POST", ACCOUNTS, limited)
    assert await send("POST", ACCOUNTS, limited) == opened
    assert (opened["object"], opened["overdraft"], opened["available"]) == (
        "hazina.ledger_account",
        "30",
        "30",
    )
    other = await send("POST", ACCOUNTS, {**limited, "code": 11}, 400)
    assert other["error"]["hazina"]["ledger_status"] == "exists_with_different_code"
    booked = await send("POST", TRANSFERS, transfer(1, 100, reference="order 7"))
    assert await send("POST", TRANSFERS, transfer(1, 100, reference="order 7")) == booked
    assert await send("GET", f"{TRANSFERS}/1") == booked
    out = {"debit_account_id": "2", "credit_account_id": "1"}
    held = await send("POST", TRANSFERS, transfer(2, 120, flags=["pending"], timeout=60, **out))
    assert held["flags"] == ["pending"]
    now = await send("GET", f"{ACCOUNTS}/2")
    assert (now["credits_posted"], now["debits_pending"], now["available"]) == ("100", "120", "10")
    refused = await send("POST", TRANSFERS, transfer(3, 11, **out), 400)
    assert refused["error"]["code"] == "ledger_refused"
    assert refused["error"]["hazina"]["ledger_status"] == "exceeds_credits"
    before = await send("GET", f"{ACCOUNTS}/2/balance?at={booked['timestamp'] - 1}")
    after = await send("GET", f"{ACCOUNTS}/2/balance?at={booked['timestamp']}")
    assert (before["credits_posted"], after["credits_posted"]) == ("0", "100")
    listed = await send("GET", f"{ACCOUNTS}?metadata[owner]=Achieng")
    assert [one["id"] for one in listed["data"]] == ["2"]
    await stranger("GET", f"{ACCOUNTS}/2", status=404)
    await stranger("GET", f"{TRANSFERS}/1", status=404)
    assert (await stranger("GET", TRANSFERS))["data"] == []
    # The payments' balance of a merchant knows nothing of its own ledger, and the other way round.
    page = await send("GET", f"{ACCOUNTS}/2/statement?limit=1")
    assert [line["reference"] for line in page["data"]] == ["order 7"]
    assert page["has_more"]
    assert page["closing_balance"]["debits_pending"] == "120"
    assert page["next_page"] == str(page["data"][-1]["timestamp"])
    rest = await send("GET", f"{ACCOUNTS}/2/statement?page={page['next_page']}")
    assert (rest["has_more"], rest["next_page"]) == (False, None)
    assert [(line["kind"], line["side"]) for line in rest["data"]] == [("pending", "debit")]


async def test_a_bulk_is_booked_item_by_item_or_not_at_all(clients: tuple[Client, Client]) -> None:
    send, _ = clients
    bulk = {"accounts": [account(1), account(2, flags=["credits_must_not_exceed_debits"])]}
    made = await send("POST", "/v1/ledger/accounts_bulk", bulk)
    assert [one["status"] for one in made["data"]] == ["created", "created"]
    items = [transfer(number, 1, credit_account_id="1", debit_account_id="2") for number in (1, 2)]
    bad = transfer(3, 5)
    mixed = await send("POST", BULK, {"transfers": [*items, bad]})
    assert [one["status"] for one in mixed["data"]] == ["created", "created", "exceeds_debits"]
    fresh = [{**one, "id": str(10 + n)} for n, one in enumerate([*items, bad])]
    whole = {"transfers": fresh, "atomic": True}
    refused = await send("POST", BULK, whole, 400)
    assert (refused["error"]["param"], refused["error"]["hazina"]["ledger_status"]) == (
        "transfers[2]",
        "exceeds_debits",
    )
    await send("GET", f"{TRANSFERS}/10", status=404)
    good = {"transfers": fresh[:2], "atomic": True}
    first = await send("POST", BULK, good)
    again = await send("POST", BULK, good)
    assert [one["status"] for one in first["data"]] == ["created", "created"]
    assert [one["status"] for one in again["data"]] == ["exists", "exists"]
    alone = await send("POST", TRANSFERS, fresh[0], 400)
    assert alone["error"]["hazina"]["ledger_status"] == "exists_with_different_flags"
    assert (await send("POST", TRANSFERS, fresh[1]))["id"] == "11"
    hundreds = [transfer(100 + n, 1, credit_account_id="1", debit_account_id="2")
                for n in range(500)]  # fmt: skip
    large = await send("POST", BULK, {"transfers": hundreds})
    assert {one["status"] for one in large["data"]} == {"created"}


async def test_numbers_beyond_128_bits_and_unknown_flags_are_refused(
    clients: tuple[Client, Client],
) -> None:
    send, _ = clients
    wrong = await send("POST", ACCOUNTS, account(2**128 - 1), 400)
    assert wrong["error"]["param"] == "id"
    await send("POST", ACCOUNTS, account(1, flags=["imported"]), 400)
    await send("POST", TRANSFERS, transfer(1, 2**128), 400)
    absent = await send("GET", f"{ACCOUNTS}/abc", status=404)
    assert absent["error"]["message"] == (
        "No such ledger account: ids are whole numbers from 1 to 2^128-2."
    )


async def test_a_key_replays_the_first_answer_and_refuses_other_parameters(
    clients: tuple[Client, Client],
) -> None:
    send, stranger = clients
    await send("POST", ACCOUNTS, account(1), key="first")
    limited = account(2, flags=["debits_must_not_exceed_credits"])
    opened = await send("POST", ACCOUNTS, limited, key="second")
    booked = await send("POST", TRANSFERS, transfer(1, 100), key="t-1")
    assert not send.replayed
    # The account has changed since; its key still answers what it answered first.
    assert await send("POST", ACCOUNTS, limited, key="second") == opened
    assert send.replayed
    assert await send("POST", TRANSFERS, transfer(1, 100), key="t-1") == booked
    reused = await send("POST", TRANSFERS, transfer(2, 100), 400, key="t-1")
    assert reused["error"]["code"] == "idempotency_key_reused"
    await send("GET", f"{TRANSFERS}/2", status=404)
    over = transfer(3, 101, debit_account_id="2", credit_account_id="1")
    refused = await send("POST", TRANSFERS, over, 400, key="t-3")
    await send("POST", TRANSFERS, transfer(4, 50))
    assert await send("POST", TRANSFERS, over, 400, key="t-3") == refused
    assert refused["error"]["hazina"]["ledger_status"] == "exceeds_credits"
    bulk = {"transfers": [transfer(5, 1), transfer(1, 100)]}
    made = await send("POST", BULK, bulk, key="b-1")
    assert [one["status"] for one in made["data"]] == ["created", "exists"]
    assert await send("POST", BULK, bulk, key="b-1") == made
    await stranger("POST", ACCOUNTS, account(1, code=11), key="first")


async def test_what_a_process_that_died_left_unanswered_is_answered_by_the_ledger(
    clients: tuple[Client, Client], database_url: str
) -> None:
    """Its lease is over: the same transfer exists, and the key keeps that answer from then on."""
    send, _ = clients
    await send("POST", ACCOUNTS, account(1))
    await send("POST", ACCOUNTS, account(2))
    booked = await send("POST", TRANSFERS, transfer(1, 5), key="died")
    with psycopg.connect(database_url) as connection:
        changed = connection.execute(
            "UPDATE idempotency_key SET answered = false, code = NULL, body = NULL,"
            " lease_until = now() - interval '1 second' WHERE key = 'died'"
        )
        assert changed.rowcount == 1
    assert await send("POST", TRANSFERS, transfer(1, 5), key="died") == booked
    assert await send("POST", TRANSFERS, transfer(1, 5), key="died") == booked
    assert send.replayed
    assert (await send("GET", f"{ACCOUNTS}/2"))["credits_posted"] == "5"


async def test_user_data_holds_all_unsigned_numbers_of_its_width(
    clients: tuple[Client, Client],
) -> None:
    send, _ = clients
    data = {
        "user_data_128": str(2**128 - 1), "user_data_64": str(2**64 - 1),
        "user_data_32": 2**32 - 1,
    }  # fmt: skip
    opened = await send("POST", ACCOUNTS, account(1, **data))
    assert opened["user_data_64"] == 2**64 - 1
    listed = await send("GET", f"{ACCOUNTS}?user_data_64={2**64 - 1}")
    assert [one["id"] for one in listed["data"]] == ["1"]
    await send("POST", ACCOUNTS, account(2, user_data_64=str(2**64)), 400)


async def test_a_bulk_of_accounts_that_is_sent_again_exists(clients: tuple[Client, Client]) -> None:
    send, _ = clients
    bulk = {"accounts": [account(1), account(2, code=11)], "atomic": True}
    await send("POST", "/v1/ledger/accounts_bulk", bulk)
    again = await send("POST", "/v1/ledger/accounts_bulk", bulk)
    assert [one["status"] for one in again["data"]] == ["exists", "exists"]
    other = {"accounts": [account(1), account(2, code=12)], "atomic": True}
    refused = await send("POST", "/v1/ledger/accounts_bulk", other, 400)
    assert (refused["error"]["param"], refused["error"]["hazina"]["ledger_status"]) == (
        "accounts[1]",
        "exists_with_different_code",
    )


async def test_only_a_void_may_leave_its_amount_out(clients: tuple[Client, Client]) -> None:
    """Zero is an amount too: a post of it would release all that is held and book nothing."""
    send, _ = clients
    await send("POST", ACCOUNTS, account(1))
    await send("POST", ACCOUNTS, account(2))
    await send("POST", TRANSFERS, transfer(20, 500, flags=["pending"]))
    await send("POST", TRANSFERS, transfer(30, 7, flags=["pending"]))
    post = {"id": "21", "pending_id": "20", "flags": ["post_pending_transfer"]}
    plain = {name: value for name, value in transfer(22, 1).items() if name != "amount"}
    for body in (
        post,
        plain,
        plain | {"flags": ["pending"]},
        plain | {"flags": ["balancing_debit"]},
    ):
        refused = await send("POST", TRANSFERS, body, 400)
        assert (refused["error"]["code"], refused["error"]["param"]) == (
            "parameter_missing",
            "amount",
        )
        assert str(2**128 - 1) in refused["error"]["message"]
    bulk = await send("POST", BULK, {"transfers": [transfer(23, 1), post]}, 400)
    assert bulk["error"]["param"] == "transfers[1][amount]"
    await send("GET", f"{TRANSFERS}/23", status=404)
    # Nothing has happened to the hold, and the ids are as good as new.
    assert (await send("GET", f"{ACCOUNTS}/2"))["credits_pending"] == "507"
    void = {"id": "31", "pending_id": "30", "flags": ["void_pending_transfer"]}
    assert (await send("POST", TRANSFERS, void))["amount"] == "7"
    whole = await send("POST", TRANSFERS, post | {"amount": str(2**128 - 1)})
    assert whole["amount"] == "500"
    assert (await send("POST", TRANSFERS, plain | {"amount": "0"}))["amount"] == "0"


async def test_a_bulk_that_comes_again_with_another_amount_is_refused_as_a_transfer_is(
    clients: tuple[Client, Client],
) -> None:
    """What resolves or balances may ask for more than was booked, and for nothing less."""
    send, _ = clients
    await send("POST", ACCOUNTS, account(1, flags=["debits_must_not_exceed_credits"]))
    await send("POST", ACCOUNTS, account(2))
    into = {"debit_account_id": "2", "credit_account_id": "1"}
    await send("POST", TRANSFERS, transfer(1, 1000, **into))
    most = str(2**128 - 1)

    def bulk(post: str, void: str = "0", balanced: str = "700", **more: Any) -> dict[str, Any]:
        transfers = [
            transfer(10, 100, flags=["pending"], user_data_32=7),
            {"id": "11", "pending_id": "10", "amount": post, "flags": ["post_pending_transfer"]}
            | more,
            transfer(12, 200, flags=["pending"]),
            {"id": "13", "pending_id": "12", "amount": most, "flags": ["post_pending_transfer"]},
            transfer(14, 300, flags=["pending"]),
            {"id": "15", "pending_id": "14", "amount": void, "flags": ["void_pending_transfer"]},
            transfer(16, 0, flags=["balancing_debit"]) | {"amount": balanced},
        ]
        return {"atomic": True, "transfers": transfers}

    async def refused(body: dict[str, Any]) -> tuple[str, str]:
        error = (await send("POST", BULK, body, 400))["error"]
        return error["param"], error["hazina"]["ledger_status"]

    made = await send("POST", BULK, bulk("40"))
    assert {one["status"] for one in made["data"]} == {"created"}
    assert (await send("GET", f"{TRANSFERS}/16"))["amount"] == "700"
    for same in (bulk("40"), bulk("40", void="300"), bulk("40", balanced=most)):
        again = await send("POST", BULK, same)
        assert {one["status"] for one in again["data"]} == {"exists"}
    different = "exists_with_different_amount"
    for post in ("90", "100", most, "39"):
        assert await refused(bulk(post)) == ("transfers[1]", different)
    less = bulk("40")
    less["transfers"][3]["amount"] = "199"
    assert await refused(less) == ("transfers[3]", different)
    less["transfers"][3]["amount"] = "200"
    assert {one["status"] for one in (await send("POST", BULK, less))["data"]} == {"exists"}
    assert await refused(bulk("40", void="299")) == ("transfers[5]", different)
    assert await refused(bulk("40", balanced="699")) == ("transfers[6]", different)
    other = await refused(bulk("40", user_data_32=8))
    assert other == ("transfers[1]", "exists_with_different_user_data_32")
    new = bulk("40")
    new["transfers"][6]["id"] = "17"
    assert await refused(new) == ("transfers[0]", "exists")


async def test_lists_are_paged_by_timestamp_and_know_where_they_end(
    clients: tuple[Client, Client],
) -> None:
    send, _ = clients
    for number in (1, 2, 3, 4):
        await send("POST", ACCOUNTS, account(number))
    assert not (await send("GET", f"{ACCOUNTS}?limit=4"))["has_more"]
    for order, step in (("oldest_first", 1), ("newest_first", -1)):
        first = await send("GET", f"{ACCOUNTS}?limit=2&order={order}")
        assert (len(first["data"]), first["has_more"]) == (2, True)
        page = first["next_page"]
        assert type(page) is str
        rest = await send("GET", f"{ACCOUNTS}?limit=2&order={order}&page={page}")
        assert (rest["has_more"], rest["next_page"]) == (False, None)
        seen = [one["id"] for one in first["data"] + rest["data"]]
        assert seen == ["1", "2", "3", "4"][::step]
        bound = "timestamp_max" if step > 0 else "timestamp_min"
        none = await send("GET", f"{ACCOUNTS}?order={order}&{bound}={page}&page={page}")
        assert none["data"] == []
    for order, left in (("newest_first", []), ("oldest_first", ["1", "2", "3", "4"])):
        found = await send("GET", f"{ACCOUNTS}?order={order}&page=1")
        assert [one["id"] for one in found["data"]] == left
    for number in (1, 2, 3):
        await send("POST", TRANSFERS, transfer(number, 5))
    assert [
        (await send("GET", f"{TRANSFERS}?limit={limit}"))["has_more"] for limit in (2, 3, 1000)
    ] == [True, False, False]


async def test_a_time_that_ends_before_it_begins_is_refused(
    clients: tuple[Client, Client],
) -> None:
    send, _ = clients
    made = await send("POST", ACCOUNTS, account(1))
    now = made["timestamp"]
    statement = f"{ACCOUNTS}/1/statement"
    for path in (f"{statement}?from=2&to=1", f"{statement}?from={now}&to={now - 1}"):
        error = (await send("GET", path, status=400))["error"]
        assert (error["code"], error["param"]) == ("parameter_invalid", "from")
        assert "from must not be later than to" in error["message"]
    for path in (ACCOUNTS, TRANSFERS):
        backwards = await send("GET", f"{path}?timestamp_min=2&timestamp_max=1", status=400)
        assert backwards["error"]["param"] == "timestamp_min"
    await send("GET", f"{statement}?from=2&to=2")
    for bounds in (f"timestamp_min={now}&timestamp_max={now}", "timestamp_min=2&timestamp_max=0"):
        assert len((await send("GET", f"{ACCOUNTS}?{bounds}"))["data"]) == 1


async def test_a_refusal_names_the_id_that_it_is_about(clients: tuple[Client, Client]) -> None:
    send, _ = clients
    long = 2**127
    for kind, path, number in (("account", ACCOUNTS, 77), ("transfer", TRANSFERS, long)):
        error = (await send("GET", f"{path}/{number}", status=404))["error"]
        assert error["message"] == f"No such ledger {kind}: {number}."
    absent = (await send("GET", f"{ACCOUNTS}/4242424242424242", status=404))["error"]
    assert "4242" not in absent["message"]
    await send("POST", ACCOUNTS, account(1))
    single = (await send("POST", TRANSFERS, transfer(41, 1), 400))["error"]
    assert single["message"].startswith("The transfer 41 was refused: credit_account_not_found.")
    whole = {"atomic": True, "transfers": [transfer(long, 1), transfer(43, 1)]}
    bulk = (await send("POST", BULK, whole, 400))["error"]
    assert bulk["message"].startswith(
        f"None was made: transfers[0], transfer {long}, was refused: credit_account_not_found."
    )
    post = {"id": "44", "pending_id": "9", "flags": ["post_pending_transfer"]}
    missing = (await send("POST", BULK, {"transfers": [transfer(45, 1), post]}, 400))["error"]
    assert "transfers[1][amount], of transfer 44." in missing["message"]
