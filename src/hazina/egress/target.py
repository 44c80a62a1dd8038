"""Reading a URL strictly, so that nobody after us can read another host in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from hazina.egress.addresses import Address

URL_LENGTH_MAX = 5_000
_PORTS = {"http": 80, "https": 443}
# Printable ASCII without what parsers disagree about: blanks, quotes, brackets, the backslash.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)"
    r"(?P<path>/[!$-;=?-Z_a-z~%\[\]]*|\?[!$-;=?-Z_a-z~%\[\]]*)?(?:#[!$-;=?-Z_a-z~%]*)?",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class BadUrl(ValueError):
    """The URL cannot be called; the message says why, in words for whoever gave it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL asks for: `address` is set when its host is an address and no name."""

    secure: bool
    host: str
    port: int
    address: Address | None
    authority: str
    path: str


@lru_cache(maxsize=4_096)
def read_url(url: str) -> Target:
    """Read an http or https URL. Raises `BadUrl`.

    Hosts are names in ASCII or addresses in their one plain notation: what a resolver would take
    for an address (`2130706433`, `0x7f.1`, `127.1`) is refused, and so are credentials.
    """
    found = _URL.fullmatch(url) if len(url) <= URL_LENGTH_MAX else None
    if found is None:
        raise BadUrl("an explicit scheme (http or https), a host and plain characters are needed")
    authority = found["authority"]
    if "@" in authority:
        raise BadUrl("it may not hold credentials")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise BadUrl("its host must be a name in ASCII, or an address")
    scheme = found["scheme"].lower()
    port = int(parts["port"]) if parts["port"] is not None else _PORTS[scheme]
    if not 0 < port < 65_536:
        raise BadUrl("its port must be from 1 to 65535")
    host, address = _host(parts["host"].lower())
    path = found["path"] or "/"
    shown = f"[{host}]" if isinstance(address, IPv6Address) else host
    return Target(
        scheme == "https", host, port, address,
        shown if port == _PORTS[scheme] else f"{shown}:{port}",
        path if path.startswith("/") else f"/{path}",
    )  # fmt: skip


def _host(text: str) -> tuple[str, Address | None]:
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except ValueError:
            raise BadUrl("its host is no address") from None
        return str(address), address
    name = text.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return text, IPv4Address(text)
        except ValueError:
            raise BadUrl("its host is neither a name nor a plain IPv4 address") from None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadUrl("its host is no name")
    return name, None
