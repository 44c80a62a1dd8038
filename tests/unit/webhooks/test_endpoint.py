"""Where webhooks may go, and which events an endpoint may ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hazina.egress.addresses import AddressPolicy
from hazina.events.tables import API_VERSION
from hazina.refusals import Code, Refusal
from hazina.webhooks.endpoint import (
    checked_events,
    checked_url,
    checked_version,
    hears,
    secrets_of,
    wants,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


PUBLIC = AddressPolicy()
NEAR = AddressPolicy.reading(["127.0.0.0/8", "::1/128", "10.0.0.0/8"])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://localhost/x", "https://a.example/x?y", "http://[::1]:8"]
)
def test_allowed_networks_and_http_are_taken_in_test_mode(url: str) -> None:
    assert checked_url(url, NEAR, livemode=False) == url


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https://127.0.0.1/", "https://10.0.0.1/", "https://localhost/",
     "https://[::ffff:10.0.0.1]/", "https://[::1]/"],
)  # fmt: skip
def test_live_mode_takes_only_public_https(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked_url(url, PUBLIC, livemode=True)
    assert refused.value.code is Code.URL_INVALID


@pytest.mark.parametrize("livemode", [False, True])
def test_a_name_is_judged_only_when_it_is_resolved(livemode: bool) -> None:
    assert checked_url("https://hooks.example/x", PUBLIC, livemode=livemode)


def test_private_networks_are_taken_in_live_mode_when_they_are_allowed() -> None:
    assert checked_url("https://10.0.0.1/x", NEAR, livemode=True)


@pytest.mark.parametrize(
    "url",
    ["a.example", "ftp://a.example/", "http://", "http://user:pass@a.example/", "http://a b/",
     "http://169.254.169.254/latest", "http://a.example:99999/", "http://[::1", "http://0.0.0.0/"],
)  # fmt: skip
def test_what_is_no_url_for_webhooks_is_refused_in_both_modes(url: str) -> None:
    for livemode in (False, True):
        with pytest.raises(Refusal) as refused:
            checked_url(url, NEAR, livemode=livemode)
        assert refused.value.code is Code.URL_INVALID
        assert refused.value.param == "url"


def test_missing_url_is_said_to_be_missing() -> None:
    with pytest.raises(Refusal) as refused:
        checked_url(None, NEAR, livemode=False)
    assert refused.value.code is Code.PARAMETER_MISSING


def test_the_one_api_version_may_be_named_and_no_other() -> None:
    assert checked_version(API_VERSION) == API_VERSION
    assert checked_version(None) is None
    with pytest.raises(Refusal) as refused:
        checked_version("2019-12-03")
    assert refused.value.param == "api_version"


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
    assert wants(endpoint, "charge.succeeded", NOW - timedelta(seconds=9)), "clocks differ"
    assert not wants(endpoint, "charge.failed", NOW)
    assert not wants(endpoint, "charge.succeeded", NOW - timedelta(seconds=11))
    assert wants({**endpoint, "enabled_events": ["*"]}, "charge.failed", NOW)


def test_the_beginning_of_types_stands_for_all_of_them() -> None:
    assert checked_events(["payment_intent.*", "charge.dispute.*"])
    assert hears(["payment_intent.*"], "payment_intent.succeeded")
    assert hears(["charge.*"], "charge.dispute.created")
    assert not hears(["charge.dispute.*"], "charge.succeeded")
    assert not hears(["payment_intent.*"], "payment_intents.x")
    for wrong in ("pay*", "payment.*", ".*", "*.succeeded", "payment_intent*"):
        with pytest.raises(Refusal):
            checked_events([wrong])


def test_the_event_that_tests_an_endpoint_is_fanned_out_to_nobody() -> None:
    assert not hears(["*"], "hazina.webhook_endpoint.test")


def test_two_secrets_sign_until_the_overlap_is_over() -> None:
    row = {"secret": "new", "old_secret": "old", "old_secret_until": NOW}
    assert secrets_of(row, NOW - timedelta(seconds=1)) == ["new", "old"]
    assert secrets_of(row, NOW) == ["new"]
    assert secrets_of({"secret": "new", "old_secret": None, "old_secret_until": None}, NOW) == [
        "new"
    ]
