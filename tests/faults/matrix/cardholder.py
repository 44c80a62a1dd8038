"""Customers of the matrix's cells, who authenticate when their bank asks them to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.faults.matrix.flow import all_flows
from tests.support.books import rows

_FORM = "application/x-www-form-urlencoded"
_ASKED = """
SELECT id, metadata->>'cell' AS cell, next_action FROM {table}
WHERE status = 'requires_action' AND next_action->>'type' = 'redirect_to_url'
"""
_EVERYONE = " UNION ALL ".join(_ASKED.format(table=t) for t in ("payment_intent", "setup_intent"))
_ENDED = "SELECT 1 FROM command WHERE payment_intent = %s AND operation = %s AND state = 'done'"


async def authenticate(database_url: str) -> None:
    """Have each customer who is asked do what their flow says."""
    flows = {flow.name: flow for flow in all_flows()}
    for asked in rows(database_url, _EVERYONE):
        url = asked["next_action"]["redirect_to_url"]["url"]
        flow = flows[asked["cell"].split("-")[1]]
        awaited = (asked["id"], flow.decides_after)
        if flow.decides_after is None or rows(database_url, _ENDED, awaited):
            await asyncio.to_thread(_answer, url, flow.cardholder)


async def authenticate_all(database_url: str) -> None:
    """Do so for whoever is asked, until canceled."""
    while True:
        await authenticate(database_url)
        await asyncio.sleep(0.1)


async def beside(endless: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Do some work while something without an end goes on; raise what either of them raises."""
    going_on, working = asyncio.create_task(endless), asyncio.create_task(work)
    await asyncio.wait((going_on, working), return_when=asyncio.FIRST_COMPLETED)
    for task in (going_on, working):
        if not task.done():
            task.cancel()
    for result in await asyncio.gather(going_on, working, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


def _answer(url: str, result: str) -> None:
    """Send the form; where the browser would be led afterwards is nobody's business here."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=20)
    body, headers = urlencode({"result": result}), {"content-type": _FORM}
    connection.request("POST", parts.path, body, headers)
    status = connection.getresponse().status
    connection.close()
    assert status in (200, 303), (url, status)
