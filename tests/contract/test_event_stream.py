"""The stream of events over HTTP: live, resumed, filtered, and ended."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.event_log import readable_now
from tests.support.postgres import TestRun
from tests.support.served import Served, served

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def api(test_run: TestRun) -> Iterator[Served]:
    with test_run.database() as url, served(url) as api:
        yield api


class Stream:
    """One open stream, read message by message."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.content_type = answer.getheader("content-type")

    def lines(self) -> list[str]:
        """Return the lines of the next message; none at the end."""
        found: list[str] = []
        while line := self._answer.readline().decode().rstrip("\n"):
            found.append(line)
        return found

    def event(self) -> dict[str, Any] | None:
        """Return the next event, past what only keeps the stream open; None at the end."""
        while lines := self.lines():
            fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            if "data" in fields:
                event: dict[str, Any] = json.loads(fields["data"])
                assert event["id"] == fields["id"]
                return event
        return None

    def events(self) -> list[dict[str, Any]]:
        """Return all events up to the end."""
        found = []
        while event := self.event():
            found.append(event)
        return found


@contextmanager
def _open(api: Served, query: str = "", key: str | None = None, **headers: str) -> Iterator[Stream]:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    sent = {"Authorization": f"Bearer {key or api.key}"} | {
        name.replace("_", "-"): one for name, one in headers.items()
    }
    try:
        connection.request("GET", f"/v1/events/stream{query}", headers=sent)
        yield Stream(connection.getresponse())
    finally:
        connection.close()


def _customer(api: Served, name: str) -> str:
    made = api.send("POST", "/v1/customers", f"name={name}".encode())
    return str(made.body["id"])


def _newest(api: Served) -> str:
    return str(api.send("GET", "/v1/events?limit=1").body["data"][0]["id"])


def test_what_happens_now_arrives_as_it_is_stored(api: Served) -> None:
    with _open(api) as stream:
        assert (stream.status, stream.content_type) == (200, "text/event-stream")
        assert stream.lines()[0] == "retry: 1000"
        customer = _customer(api, "Amina")
        event = stream.event()

    assert event is not None
    assert event["data"]["object"]["id"] == customer
    assert event == api.send("GET", f"/v1/events/{event['id']}").body


def test_a_stream_resumes_behind_the_last_event_that_was_seen(api: Served) -> None:
    _customer(api, "Before")
    last = _newest(api)
    made = [_customer(api, f"Number{n}") for n in range(5)]
    readable_now(api.database_url)

    with _open(api, "?follow=false", Last_Event_ID=last) as stream:
        by_header = [event["data"]["object"]["id"] for event in stream.events()]
    with _open(api, f"?follow=false&after={last}") as stream:
        by_parameter = [event["data"]["object"]["id"] for event in stream.events()]

    assert by_header == by_parameter == made


def test_a_stream_that_was_cut_off_before_its_first_event_resumes_where_it_began(
    api: Served,
) -> None:
    _customer(api, "Before")
    readable_now(api.database_url)
    with _open(api) as stream:
        _, place = stream.lines()
    made = [_customer(api, f"Missed{n}") for n in range(3)]
    readable_now(api.database_url)

    with _open(api, "?follow=false", Last_Event_ID=place.removeprefix("id: ")) as stream:
        came = [event["data"]["object"]["id"] for event in stream.events()]
    with _open(api, f"?follow=false&after=log_{'9' * 20}_0") as stream:
        beyond = stream.events()

    assert came == made
    assert beyond == []


def test_only_the_types_that_are_asked_for_come(api: Served) -> None:
    _customer(api, "Start")
    last = _newest(api)
    customer = _customer(api, "Changing")
    api.send("POST", f"/v1/customers/{customer}", b"name=Changed")
    readable_now(api.database_url)

    with _open(api, f"?follow=false&after={last}&types[]=customer.updated") as stream:
        types = [event["type"] for event in stream.events()]

    assert types == ["customer.updated"]


def test_refusals_come_as_ordinary_answers(api: Served) -> None:
    with _open(api, "?after=evt_unknown") as stream:
        assert stream.status == 404
    with _open(api, key=api.publishable_key) as stream:
        assert stream.status == 403
    with _open(api, "?wrong=1") as stream:
        assert stream.status == 400


def test_a_stream_ends_when_its_key_is_revoked(api: Served) -> None:
    made = api.send("POST", "/v1/hazina/api_keys", b"type=secret").body
    with _open(api, key=made["secret"]) as stream:
        assert stream.lines()[0] == "retry: 1000"
        api.send("POST", f"/v1/hazina/api_keys/{made['id']}/revoke")

        assert stream.events() == []
