"""URLs with which webhooks could be led to places that nobody outside may reach."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network

SECRET_PLACES = ("127.0.0.1", "169.254.169.254", "10.0.0.5", "192.168.1.1", "100.100.100.200")
NETWORKS = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
    "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
    "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96",
    "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7",
    "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "e000::/4",
)  # fmt: skip
"""The special ranges of IANA's registries, multicast, and the metadata services of clouds."""
_SCHEMES = (
    "ftp", "gopher", "file", "dict", "ldap", "jar", "data", "javascript", "unix", "ws", "netdoc",
    "https+unix", "tftp", "sftp", "ssh", "view-source",
)  # fmt: skip

_NAMES = (
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain",
    "ip6-localhost", "loopback.test", "metadata.test", "mixed.test", "mapped.test", "nat64.test",
    "sixtofour.test", "linklocal.test", "private.test", "zero.test", "rebinding.test",
    "nothing.test", "unknown.invalid", "xn--lcalhost-m1a.test",
)  # fmt: skip


def all_urls(port: int) -> list[str]:
    """Return every URL once; those that lead to this machine name the port of a listener."""
    return list(
        dict.fromkeys(
            [*_ranges(port), *_notations(port), *_families(port), *_tricks(port), *_schemes(port)]
        )
    )


def ends_and_middle(text: str) -> list[str]:
    """Return the first, the middle and the last address of a network."""
    network = ip_network(text)
    places = sorted({0, network.num_addresses // 2, network.num_addresses - 1})
    return [str(network[place]) for place in places]


def _ranges(port: int) -> Iterator[str]:
    for text in NETWORKS:
        for address in ends_and_middle(text):
            shown = f"[{address}]" if ":" in address else address
            yield f"http://{shown}:{port}/"


def _notations(port: int) -> Iterator[str]:
    """Yield one address in the ways that resolvers and browsers read besides the plain one."""
    for text in SECRET_PLACES:
        number = int(IPv4Address(text))
        a, b, c, d = (int(part) for part in text.split("."))
        wide = str.maketrans("0123456789.", "".join(chr(0xFF10 + n) for n in range(10)) + "。")
        circled = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")
        for host in (
            text,
            f"{number}",
            f"0x{number:x}",
            f"0X{number:08X}",
            f"0{number:o}",
            f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
            f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
            f"{a:04d}.{b:04d}.{c:04d}.{d:04d}",
            f"{a}.{b}.{c * 256 + d}",
            f"{a}.{b * 65536 + c * 256 + d}",
            f"{a}.0x{b:x}.{c}.0{d:o}",
            f"{text}.",
            f"{text}..",
            f"{number + 2**32}",
            f"{a + 256}.{b}.{c}.{d}",
            text.translate(wide),
            text.translate(circled),
            f"%31{text[1:]}" if text[0] == "1" else f"%30{text}",
            f"{text}%00.example",
            f"{text}%0d%0a",
            f"+{number}",
            f"-{number}",
            f" {text}",
            f"{text}\t",
            f"\u200b{text}",
            f"{a}.{b}.{c}.{d}\u3002",
            f"{a}。{b}。{c}。{d}",
        ):
            yield f"http://{host}:{port}/latest/meta-data/"


def _families(port: int) -> Iterator[str]:
    """Yield IPv6 addresses that carry an IPv4 address, in several spellings, and with zones."""
    for text in SECRET_PLACES:
        number = int(IPv4Address(text))
        high, low = number >> 16, number & 0xFFFF
        for address in (
            f"::ffff:{text}", f"::ffff:{high:x}:{low:x}", f"0:0:0:0:0:ffff:{high:x}:{low:x}",
            f"::FFFF:{text}", f"::{text}", f"::{high:x}:{low:x}", f"::ffff:0:{text}",
            f"64:ff9b::{text}", f"64:ff9b::{high:x}:{low:x}", f"64:ff9b:1::{text}",
            f"2002:{high:x}:{low:x}::", f"2002:{high:x}:{low:x}::1",
            f"2001:0:0:0:0:0:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}", f"fe80::5efe:{text}",
            f"::ffff:{text}%25lo", "::1%25lo", "fe80::1%25eth0", "fe80::1%lo",
        ):  # fmt: skip
            yield f"http://[{address}]:{port}/"


def _tricks(port: int) -> Iterator[str]:
    """Yield URLs in which parsers see different hosts."""
    for text in SECRET_PLACES[:2]:
        here = f"{text}:{port}"
        yield from (
            f"http://hooks.example@{here}/", f"http://hooks.example:80@{here}/",
            f"http://user:pass@{here}/", f"http://@{here}/", f"http://:@{here}/",
            f"http://{here}@{here}/", f"http://{here}\\@hooks.invalid/",
            f"http://hooks.invalid\\@{here}/", f"http://{here}#@hooks.invalid/",
            f"http://{here}?@hooks.invalid/", f"http://{here}/@hooks.invalid/",
            f"http://{here};@hooks.invalid/", f"http://{here}&@hooks.invalid/",
            f"http://hooks.invalid#@{here}/", f"http://hooks.invalid?@{here}/",
            f"http://{here}:80/", f"http:\\\\{here}/", f"http:/{here}/", f"http:{here}/",
            f"http:///{here}/", f"http:////{here}/", f"//{here}/", f"\\\\{here}/",
            f"http://{text}:+{port}/", f"http://{text}:0x{port:x}/", f"http://{text}:{port}x/",
            f"http://{text}:99999/", f"http://{text}:0/", f"http://{text}:/", f"http://{text} :80/",
            f"http://{here}\r\nHost: internal/", f"http://{here}/\r\nX: y",
            f"http://{here}/ HTTP/1.1",
            f"\thttp://{here}/", f"http://[{text}]:{port}/", f"http://[{here}]/",
            f"http://[::1]{text}:{port}/", f"http://[::1]@{here}/", f"http://{here}%23.example/",
            f"http://{here}%2f.example/", f"http://{text}%3a{port}/", f"h\nttp://{here}/",
            f"HTTP://{here}/", f"hTTps://{here}/", f"http://{'a.' * 150}{here}/",
        )  # fmt: skip
    for name in _NAMES:
        for scheme in ("http", "https"):
            yield f"{scheme}://{name}:{port}/"


def _schemes(port: int) -> Iterator[str]:
    for scheme in _SCHEMES:
        yield f"{scheme}://127.0.0.1:{port}/"
    yield from ("http://", "https://", "http:", "", "127.0.0.1", f"127.0.0.1:{port}", "/etc/passwd")
