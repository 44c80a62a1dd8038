"""Settings with which money could be lost are refused, and told apart from those that are safe."""

from __future__ import annotations

import pytest

from hazina.bootstrap.settings import Settings, UnsafeSettings

_PEPPER = "of the tests, thirty-two characters"


def test_what_is_preset_is_safe() -> None:
    Settings(pepper=_PEPPER).check()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"command_lease_ms": 12_000}, "HAZINA_COMMAND_LEASE_MS must exceed"),
        ({"inquiry_lease_ms": 11_000}, "HAZINA_INQUIRY_LEASE_MS must exceed"),
        ({"not_found_window_ms": 25_000}, "HAZINA_NOT_FOUND_WINDOW_MS must exceed"),
        # The last byte leaves within the shorter lease, and is on its way for 30 s more.
        ({"not_found_window_ms": 50_000}, "is 50000 and must exceed 50000: a command may be sent"),
        ({"transit_max_ms": 40_000}, "must exceed 60000: a command may be sent"),
        ({"inquiry_lease_ms": 90_000, "command_lease_ms": 35_000}, "must exceed 65000: a command"),
        ({"authorization_owed_ms": -1}, "HAZINA_AUTHORIZATION_OWED_MS is -1 and must be from 0"),
        ({"authorization_owed_ms": 10**17}, "to 86400000 (a day)"),
        ({"smtp_host": "mail.shop.test"}, "HAZINA_SMTP_FROM is empty"),
        ({"webhook_allowed_networks": "everywhere"}, "HAZINA_WEBHOOK_ALLOWED_NETWORKS"),
        ({"pepper": ""}, "HAZINA_PEPPER is empty"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    changed: dict[str, object], said: str
) -> None:
    settings = Settings(pepper=_PEPPER).model_copy(update=changed)
    with pytest.raises(UnsafeSettings) as refused:
        settings.check()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"not_found_window_ms": 50_001},
        {"not_found_window_ms": 30_000, "transit_max_ms": 5_000},
        {"call_timeout_ms": 30_000, "command_lease_ms": 40_000, "inquiry_lease_ms": 40_000,
         "not_found_window_ms": 75_000},
    ],
)  # fmt: skip
def test_a_window_that_outlasts_what_is_on_its_way_is_taken(changed: dict[str, object]) -> None:
    Settings(pepper=_PEPPER).model_copy(update=changed).check()
