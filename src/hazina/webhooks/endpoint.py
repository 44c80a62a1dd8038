"""What a webhook endpoint may be: its URL, its event types, and which events it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hazina.egress.addresses import AddressPolicy
from hazina.egress.target import BadUrl, read_url
from hazina.events.tables import API_VERSION
from hazina.refusals import Code, Refusal
from hazina.webhooks.event_types import EVENT_TYPES, TEST_EVENT

# So far apart may the clocks be of a process that makes an endpoint and one that records an event.
# What was recorded before is in general fanned out by then, and nobody hears of it again.
_CLOCK_SKEW = timedelta(seconds=10)


def checked_url(url: str | None, policy: AddressPolicy, *, livemode: bool) -> str:
    """Return the URL if webhooks may be posted to it. Refuses `url_invalid`, `parameter_missing`.

    Live mode takes https alone. Host names are judged again when they are resolved, at each
    connection.
    """
    if not url:
        raise Refusal(Code.PARAMETER_MISSING, "Missing required param: url.", param="url")
    try:
        target = read_url(url)
    except BadUrl as problem:
        raise _bad_url(f"Invalid URL: {problem}.") from None
    if livemode and not target.secure:
        raise _bad_url("Invalid URL: webhooks in live mode go to https only.")
    permitted = (
        policy.permits_name(target.host)
        if target.address is None
        else policy.permits(target.address)
    )
    if not permitted:
        raise _bad_url(
            "Invalid URL: it must be reachable from the internet. Whoever runs this system can "
            "allow private networks with HAZINA_WEBHOOK_ALLOWED_NETWORKS."
        )
    return url


def checked_version(version: str | None) -> str | None:
    """Return the API version that an endpoint asks for: the one that events are rendered in.

    Refuses `parameter_invalid` for another one.
    """
    if version in (None, "", API_VERSION):
        return version or None
    raise Refusal(
        Code.PARAMETER_INVALID,
        f"Invalid api_version: events are rendered in {API_VERSION} only; send that, or nothing.",
        param="api_version",
    )


def checked_events(names: Sequence[str] | None) -> list[str]:
    """Return the event types an endpoint asks for. Refuses unknown and missing ones."""
    if not names:
        raise Refusal(
            Code.PARAMETER_MISSING, "Missing required param: enabled_events.",
            param="enabled_events",
        )  # fmt: skip
    for index, name in enumerate(names):
        if not _matches_any(name):
            raise Refusal(
                Code.PARAMETER_INVALID,
                f"Invalid enabled_events[{index}]: must be '*', the type of an event such as "
                "payment_intent.succeeded, or the beginning of types such as payment_intent.*",
                param=f"enabled_events[{index}]",
            )
    return list(dict.fromkeys(names))


def wants(endpoint: dict[str, Any], event_type: str, recorded: datetime) -> bool:
    """Say whether an endpoint is to hear of an event; older events than itself it is spared.

    `recorded` is in real time, as endpoints are: an event's `created` may be a test clock's.
    """
    if recorded < endpoint["created"] - _CLOCK_SKEW:
        return False
    return hears(endpoint["enabled_events"], event_type)


def hears(names: Sequence[str], event_type: str) -> bool:
    """Say whether an event type is among those that an endpoint names.

    The event that tests a delivery goes to the endpoint that is tested, and to no other.
    """
    if event_type == TEST_EVENT:
        return False
    if "*" in names or event_type in names:
        return True
    return any(name.endswith(".*") and event_type.startswith(name[:-1]) for name in names)


def secrets_of(row: Mapping[str, Any], now: datetime) -> list[str]:
    """Return the secrets to sign with now: the new one and, for a while, the old one."""
    until = row["old_secret_until"]
    if until is not None and now < until:
        return [row["secret"], row["old_secret"]]
    return [row["secret"]]


def _matches_any(name: str) -> bool:
    if name == "*" or name in EVENT_TYPES:
        return True
    return name.endswith(".*") and any(one.startswith(name[:-1]) for one in EVENT_TYPES)


def _bad_url(message: str) -> Refusal:
    return Refusal(Code.URL_INVALID, message, param="url")
