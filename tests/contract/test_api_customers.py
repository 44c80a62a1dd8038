"""Customers and the API's shell over HTTP messages, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

import hazina
from hazina.api.endpoint import Endpoint
from hazina.api.route import Router
from hazina.api.table import ROUTES
from hazina.clock import SystemClock
from hazina.customers import tables as customer_tables
from hazina.customers.service import Customers
from hazina.db.pooled import PooledReader
from hazina.db.postgres import PostgresStore
from hazina.db.table import Schema
from hazina.db.writer import Writer
from hazina.events import tables as event_tables
from hazina.events.service import Events
from hazina.idempotency import tables as idempotency_tables
from hazina.idempotency.service import Idempotency
from hazina.ids import SystemIds
from hazina.merchants import tables as merchant_tables
from hazina.merchants.clocks import Clocks
from hazina.merchants.limits import MemoryLimits, Rate
from hazina.merchants.service import Accounts, Merchants
from hazina.payment_methods import tables as payment_method_tables
from hazina.payment_methods.service import PaymentMethods
from tests.support.answers import demand_shape

SCHEMA = Schema(
    idempotency_tables.TABLES
    + customer_tables.TABLES
    + event_tables.TABLES
    + merchant_tables.TABLES
    + payment_method_tables.TABLES
)


class Client:
    """Sends requests to the endpoint as a server would hand them over."""

    def __init__(self, endpoint: Endpoint, key: str) -> None:
        self._endpoint = endpoint
        self._key = key

    async def send(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        path, _, query = path.partition("?")
        raw = {
            "authorization": f"Bearer {self._key}",
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
        } | {name.replace("_", "-"): value for name, value in headers.items()}
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
        demand_shape(f"{method} {path}", sent[1]["body"])
        answer = orjson.loads(sent[1]["body"])
        shown = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answer, shown


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[Client]:
    clock, ids = SystemClock(), SystemIds()
    store = PostgresStore(database_url, SCHEMA, None)
    await store.open()
    writer = Writer(store, clock)
    await writer.start()
    files = sorted(Path(hazina.__file__).parent.glob("**/queries.sql"))
    reader = PooledReader(database_url, SCHEMA, files)
    await reader.open()
    merchants = Merchants(reader, writer, clock, ids, b"pepper")
    idempotency = Idempotency(reader, writer, clock, "https://pay.example/docs")
    methods = PaymentMethods(reader, idempotency, Clocks(reader, clock), ids, b"pepper")
    core: Any = SimpleNamespace(
        docs_url="https://pay.example/docs",
        requests_max=100,
        ids=ids,
        merchants=merchants,
        limits=MemoryLimits(clock, Rate(0, 0), Rate(0, 0)),
        accounts=Accounts(reader, idempotency, clock, ids, merchants.forget),
        clocks=Clocks(reader, clock),
        customers=Customers(reader, idempotency, Clocks(reader, clock), ids, methods),
        events=Events(reader),
    )
    key = await merchants.issue_key(await merchants.create())
    yield Client(Endpoint(core, Router(ROUTES)), key)
    await writer.close()
    await reader.close()
    await store.close()


async def test_a_customer_is_created_changed_listed_and_deleted(client: Client) -> None:
    status, made, headers = await client.send(
        "POST", "/v1/customers", b"email=a@b.ke&metadata[x]=1&address[city]=Nairobi"
    )
    assert (status, made["email"], made["metadata"]) == (200, "a@b.ke", {"x": "1"})
    assert headers["request-id"].startswith("req_")
    one = f"/v1/customers/{made['id']}"
    _, changed, _ = await client.send("POST", one, b"metadata[x]=&metadata[y]=2&name=Amina&email=")
    assert (changed["metadata"], changed["name"], changed["email"]) == ({"y": "2"}, "Amina", None)
    _, found, _ = await client.send("GET", one)
    assert found == changed
    _, listed, _ = await client.send("GET", "/v1/customers?limit=1&created[gte]=5")
    assert listed["data"] == [changed]
    _, deleted, _ = await client.send("DELETE", one)
    assert deleted == {"id": made["id"], "object": "customer", "deleted": True}
    assert (await client.send("GET", one))[1] == deleted
    assert (await client.send("POST", one, b"name=x"))[0] == 404
    assert (await client.send("DELETE", one))[0] == 404
    _, events, _ = await client.send("GET", "/v1/events")
    types = [event["type"] for event in events["data"]]
    assert types == ["customer.deleted", "customer.updated", "customer.created"]
    for group, count in (("customer.*", 3), ("*", 3), ("charge.*", 0), ("customer", 0)):
        _, grouped, _ = await client.send("GET", f"/v1/events?type={group}")
        assert len(grouped["data"]) == count, group


async def test_a_key_replays_the_same_bytes_and_refuses_other_parameters(client: Client) -> None:
    first = await client.send("POST", "/v1/customers", b"name=A&email=a@b.ke", idempotency_key="k")
    again = await client.send(
        "POST", "/v1/customers", b'{"email":"a@b.ke","name":"A"}',
        idempotency_key="k", content_type="application/json",
    )  # fmt: skip
    assert again[1] == first[1]
    assert again[2]["idempotent-replayed"] == "true"
    assert first[2]["original-request"] == first[2]["request-id"]
    assert again[2]["original-request"] == first[2]["request-id"] != again[2]["request-id"]
    status, refused, _ = await client.send("POST", "/v1/customers", b"name=B", idempotency_key="k")
    assert (status, refused["error"]["type"]) == (400, "idempotency_error")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/nothing", {}, 404),
        ("GET", "/v1/customers/cus_none", {}, 404),
        ("GET", "/v1/customers/%00", {}, 404),
        ("PUT", "/v1/customers", {}, 405),
        ("GET", "/v1/customers", {"authorization": "Bearer sk_test_none"}, 401),
        ("GET", "/v1/customers?expand[]=foo", {}, 400),
        ("POST", "/v1/customers", {"content_length": "1048577"}, 413),
        ("POST", "/v1/customers", {"idempotency_key": "k" * 256}, 400),
        ("GET", "/v1/account", {"stripe_account": "acct_other"}, 403),
    ],
)
async def test_what_is_refused_has_its_status_and_shape(
    client: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    found, answer, shown = await client.send(method, path, **headers)
    assert found == status, answer
    assert "error" in answer
    assert "request-id" in shown


async def test_an_account_shows_the_keys_merchant(client: Client) -> None:
    status, own, _ = await client.send("GET", "/v1/account")
    assert (status, own["object"]) == (200, "account")
    assert (await client.send("GET", f"/v1/accounts/{own['id']}"))[1] == own
