"""What a webhook endpoint may be: its URL, its event types, and which events it wants."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from hazina.refusals import Code, Refusal
from hazina.webhooks.event_types import EVENT_TYPES

_URL_LENGTH_MAX = 5_000
# Two processes may disagree by this much about the order of an endpoint and an event.
_CLOCK_SKEW = timedelta(seconds=1)


def checked_url(url: str | None, *, livemode: bool) -> str:
    """Return the URL if webhooks may be posted to it. Refuses `url_invalid`, `parameter_missing`.

    Live mode takes https to a public host; test mode also http, loopback and private hosts.
    Host names are judged again when they are resolved, at each delivery.
    """
    if not url:
        raise Refusal(Code.PARAMETER_MISSING, "Missing required param: url.", param="url")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise _bad_url("Invalid URL: it cannot be read as one.") from None
    if parts.scheme not in ("http", "https") or not host or len(url) > _URL_LENGTH_MAX:
        raise _bad_url("Invalid URL: an explicit scheme (such as https) and a host must be given.")
    if parts.username is not None or any(character <= " " for character in url):
        raise _bad_url("Invalid URL: it may hold neither credentials nor blanks.")
    if livemode and parts.scheme != "https":
        raise _bad_url("Invalid URL: webhooks in live mode go to https only.")
    if not address_allowed(host, livemode=livemode) or (livemode and host == "localhost"):
        raise _bad_url("Invalid URL: it must be reachable from the internet.")
    return url


def address_allowed(host: str, *, livemode: bool) -> bool:
    """Say whether a webhook may be sent to this address; a name that is no address may.

    Link-local addresses, where clouds keep their credentials, are never allowed (WH-8).
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return address.is_global or (not livemode and (address.is_private or address.is_loopback))


def checked_events(names: Sequence[str] | None) -> list[str]:
    """Return the event types an endpoint asks for. Refuses unknown and missing ones."""
    if not names:
        raise Refusal(
            Code.PARAMETER_MISSING, "Missing required param: enabled_events.",
            param="enabled_events",
        )  # fmt: skip
    for index, name in enumerate(names):
        if name != "*" and name not in EVENT_TYPES:
            raise Refusal(
                Code.PARAMETER_INVALID,
                f"Invalid enabled_events[{index}]: must be '*' or the type of an event, such as "
                "payment_intent.succeeded.",
                param=f"enabled_events[{index}]",
            )
    return list(dict.fromkeys(names))


def wants(endpoint: dict[str, Any], event_type: str, event_created: datetime) -> bool:
    """Say whether an endpoint is to hear of an event; older events than itself it is spared."""
    names = endpoint["enabled_events"]
    if event_created < endpoint["created"] - _CLOCK_SKEW:
        return False
    return "*" in names or event_type in names


def _bad_url(message: str) -> Refusal:
    return Refusal(Code.URL_INVALID, message, param="url")
