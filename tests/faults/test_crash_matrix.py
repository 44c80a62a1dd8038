"""A process is killed at each effect boundary; afterwards everything settles, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hazina.bootstrap.app import open_core
from hazina.cli.place import free_port
from hazina.merchants.merchant import Caller
from tests.faults.matrix.behaviours import BEHAVIOURS
from tests.faults.matrix.cells import all_cells, chosen_cells, points
from tests.faults.matrix.flow import SHARED, all_flows
from tests.faults.matrix.run import Matrix
from tests.support import crash, promises
from tests.support.books import check_books, check_requests
from tests.support.callback_door import PATH
from tests.support.simulator import Simulator

pytestmark = pytest.mark.timeout(7_200)


async def test_whatever_boundary_a_process_dies_at_all_settles_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    cells = chosen_cells()
    port = free_port()
    with Simulator(callback_url=f"http://127.0.0.1:{port}{PATH}") as simulator:
        core = await open_core(crash.settings(fresh_database_url, simulator.url))
        merchant = await core.merchants.create(overdraft_minor=10**9, is_platform=True)
        caller = Caller(merchant, False, "req_1")
        await core.close()
        matrix = Matrix(fresh_database_url, simulator, caller, tmp_path, port)
        await matrix.run(cells)
        check_requests(simulator.requests())
        check_books(fresh_database_url, simulator.books())
        matrix.check(cells)
    print(f"{len(cells)} cells of {len(all_cells())}, 0 violations")
    if len(cells) == len(all_cells()):
        promises.note(
            "crash matrix", f"{len(cells)} cells of {len(all_flows())} flows, 0 violations"
        )


def test_every_declared_boundary_has_cells() -> None:
    """A boundary of a new kind must be given a way to die, or the matrix would skip it."""
    assert {cell.point for cell in all_cells()} == points()


def test_every_flow_meets_every_behaviour_at_every_boundary_on_its_way() -> None:
    cells = {(cell.flow.name, cell.point, cell.behaviour.name) for cell in all_cells()}
    missing = [
        (flow.name, point, behaviour.name)
        for flow in all_flows()
        if flow.sends is not None
        for point in flow.places
        for behaviour in BEHAVIOURS
        if not (flow.at_first and behaviour.never_tells)
        and (flow.name, point, behaviour.name) not in cells
    ]
    assert missing == []
    assert len(BEHAVIOURS) == 17
    assert not SHARED.keys() & {point for flow in all_flows() for point in flow.places}
