"""Where webhooks may go, and which events an endpoint may ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hazina.refusals import Code, Refusal
from hazina.webhooks.endpoint import address_allowed, checked_events, checked_url, wants

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://localhost/x", "https://a.example/x?y", "http://[::1]:8"]
)
def test_test_mode_takes_loopback_and_http(url: str) -> None:
    assert checked_url(url, livemode=False) == url


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https://127.0.0.1/", "https://10.0.0.1/", "https://localhost/",
     "https://[::ffff:10.0.0.1]/", "https://[::1]/"],
)  # fmt: skip
def test_live_mode_takes_only_public_https(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked_url(url, livemode=True)
    assert refused.value.code is Code.URL_INVALID


@pytest.mark.parametrize(
    "url",
    ["a.example", "ftp://a.example/", "http://", "http://user:pass@a.example/", "http://a b/",
     "http://169.254.169.254/latest", "http://a.example:99999/", "http://[::1", "http://0.0.0.0/"],
)  # fmt: skip
def test_what_is_no_url_for_webhooks_is_refused_in_both_modes(url: str) -> None:
    for livemode in (False, True):
        with pytest.raises(Refusal) as refused:
            checked_url(url, livemode=livemode)
        assert refused.value.code is Code.URL_INVALID
        assert refused.value.param == "url"


def test_missing_url_is_said_to_be_missing() -> None:
    with pytest.raises(Refusal) as refused:
        checked_url(None, livemode=False)
    assert refused.value.code is Code.PARAMETER_MISSING


def test_a_name_is_judged_only_when_it_is_resolved() -> None:
    assert address_allowed("hooks.example", livemode=True)
    assert not address_allowed("192.168.1.1", livemode=True)


def test_event_types_are_known_or_a_star_and_named_once() -> None:
    assert checked_events(["charge.succeeded", "charge.succeeded"]) == ["charge.succeeded"]
    assert checked_events(["*"]) == ["*"]
    with pytest.raises(Refusal) as refused:
        checked_events(["charge.succeeded", "charge.exploded"])
    assert refused.value.param == "enabled_events[1]"
    with pytest.raises(Refusal):
        checked_events([])


def test_endpoint_hears_of_what_it_asked_for_since_it_exists() -> None:
    endpoint = {"enabled_events": ["charge.succeeded"], "created": NOW}
    assert wants(endpoint, "charge.succeeded", NOW)
    assert not wants(endpoint, "charge.failed", NOW)
    assert not wants(endpoint, "charge.succeeded", NOW - timedelta(seconds=5))
    assert wants({**endpoint, "enabled_events": ["*"]}, "charge.failed", NOW)
