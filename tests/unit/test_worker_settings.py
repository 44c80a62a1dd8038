"""The numbers of the worker's loops, as an operator gives them."""

from __future__ import annotations

import pytest

from hazina.workers.settings import WorkerSettings, chosen


def test_numbers_that_are_given_replace_those_that_stand() -> None:
    settings = chosen({"janitor_limit": 7})

    assert settings.janitor_limit == 7
    assert settings.inbox_limit == WorkerSettings().inbox_limit


@pytest.mark.parametrize("numbers", [{"nothing": 1}, {"inbox_limit": 0}, {"schedule": 5}])
def test_a_name_that_is_none_and_a_number_below_one_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(numbers))):
        chosen(numbers)
