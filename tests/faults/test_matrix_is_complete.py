"""The crash matrix has a flow for everything that may ask something of a provider."""

from __future__ import annotations

from pathlib import Path

import pytest

import hazina
from hazina.bootstrap.app import open_core
from hazina.crashpoints import crashpoint
from hazina.idempotency.service import IdempotencyRequest
from hazina.merchants.merchant import Caller
from hazina.rails.contract import Operation
from tests.faults.matrix import issuing
from tests.faults.matrix.flow import SHARED, all_flows
from tests.support import crash
from tests.support.simulator import Simulator

_SOURCE = Path(hazina.__file__).parent
_PLANTED = """
from hazina.commands.command import issue


def give_away(draft, command):
    _asked(draft, command)


def look_on(draft):
    return draft


def _asked(draft, command):
    draft.writes.append(issue(command, 1, None))
"""
pytestmark = pytest.mark.timeout(120)


async def test_every_decision_that_asks_a_provider_is_on_the_way_of_a_flow(
    fresh_database_url: str,
) -> None:
    """The decisions are read from the source, and the way of a flow is what really runs.

    A boundary that a flow passes without naming it would have no cells there.
    """
    ran: set[str] = set()
    otherwise: dict[str, set[str]] = {}
    with Simulator() as simulator:
        core = await open_core(crash.settings(fresh_database_url, simulator.url, patient=True))
        merchant = await core.merchants.create(overdraft_minor=10**9, is_platform=True)
        caller = Caller(merchant, False, "req_1")
        for flow in all_flows():
            metadata = {"cell": f"none-{flow.name}-ok"}
            made = await flow.prepare(core, caller, flow.name, metadata)
            key = IdempotencyRequest(merchant.merchant_id, flow.name, flow.name, b"d")
            with issuing.passed(_SOURCE) as passed:
                await flow.perform(core, caller, made, metadata, key)
            ran |= passed.ran
            # On a busy machine the provider may be asked again; what is shared has its cells.
            otherwise[flow.name] = (passed.boundaries - SHARED.keys()) ^ set(flow.places)
        await core.close()

    assert issuing.issuers(_SOURCE) - ran == set(), "write a flow: docs/guides/add-a-flow.md"
    wrong = {flow: boundaries for flow, boundaries in otherwise.items() if boundaries}
    assert wrong == {}, "`places` must name what the flow passes, and nothing else"


def test_a_boundary_that_is_passed_is_noticed() -> None:
    with issuing.passed(_SOURCE) as passed:
        crashpoint("gifts.before_giving")
    assert passed.boundaries == {"gifts.before_giving"}


def test_a_planted_decision_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "gifts.py").write_text(_PLANTED)
    (tmp_path / "raw.py").write_text('def slip(Insert):\n    return Insert("command", {})\n')
    assert issuing.issuers(tmp_path) == {
        "gifts.py:give_away",
        "gifts.py:_asked",
        "raw.py:slip",
    }
    (tmp_path / "direct.py").write_text("def go(connector):\n    connector.perform(1)\n")
    assert issuing.askers(tmp_path) == {"direct.py"}


def test_every_operation_of_a_provider_is_sent_by_a_flow() -> None:
    sent = {flow.sends for flow in all_flows()} - {None}
    assert sent == {operation.value for operation in Operation}


def test_providers_are_asked_by_dispatch_alone() -> None:
    """What does not write a command first is never sent."""
    assert issuing.askers(_SOURCE) == {"dispatch/service.py"}
