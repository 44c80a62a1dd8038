"""Nobody gets at another merchant's objects: each route, asked by everybody in every way."""

from __future__ import annotations

from collections import Counter

import pytest

from hazina.api.table import ROUTES
from tests.support.direct import direct
from tests.support.tenancy import Cell, Matrix


@pytest.mark.timeout(300)
async def test_every_cell_of_the_tenancy_matrix_is_refused_as_documented(
    fresh_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cells: list[Cell] = []
    async with direct(fresh_database_url) as api:
        matrix = await Matrix.of(api)
        for route in ROUTES:
            cells += [cell async for cell in matrix.cells(route)]

    wrong = [cell for cell in cells if cell.problem is not None]
    verbs = Counter(cell.verb.split()[0] for cell in cells)
    with capsys.disabled():
        print(f"\ntenancy: {len(cells)} cells of {len(ROUTES)} routes: {dict(verbs)}")
    assert not wrong, "\n".join(str(cell) for cell in wrong)
