"""The floors: a package imports only from floors below its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.architecture.source import Source

# From the ground up. A new package gets its line here, and a word in ARCHITECTURE.md.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("clock", "ids", "refusals", "secrets", "crashpoints", "values"),
    ("money", "paging", "metadata", "refusals_view", "egress"),
    ("codecs", "tasks", "aside"),
    ("rails", "db"),
    ("ledger",),
    ("events", "commands", "inbox", "idempotency", "consuming"),
    ("merchants",),
    ("payment_methods",),
    ("search",),
    (
        "network_tokens",
        "financial_accounts",
        "balances",
        "webhooks",
        "customers",
        "catalog",
        "risk",
        "reports",
    ),
    ("payments", "setup_intents", "payouts", "issuing"),
    ("reconciliation", "disputes", "checkout", "invariants"),
    ("doctor", "timeline"),
    ("dispatch", "connectors", "vault_client", "kafka", "redis", "mail"),
    ("bootstrap", "telemetry"),
    ("api", "workers", "checkout_page", "issuer_host", "simulators", "parity", "console"),
    ("cli",),
    ("__main__",),
)

_FLOOR_OF = {package: floor for floor, row in enumerate(FLOORS) for package in row}
_GROUND = _FLOOR_OF["money"]
_LINE = _FLOOR_OF["dispatch"]

# The ISO's own table of currencies; everything else on the ground is the standard library.
_GROUND_LIBRARIES = frozenset({"iso4217"})

_WORLD = frozenset(
    [
        "fastapi",
        "starlette",
        "uvicorn",
        "uvloop",
        "httptools",
        "aiohttp",
        "httpx",
        "requests",
        "urllib3",
        "websockets",
        "grpc",
        "flask",
        "django",
        "kafka",
        "confluent_kafka",
        "aiokafka",
        "redis",
        "pika",
        "stripe",
        "smtplib",
    ]
)
_WORLD_MODULES = ("http.client", "http.server", "urllib.request")


def imports_go_down(source: Source) -> Iterator[str]:
    """Packages import only from lower floors, and nothing from beside them."""
    if not source.package:
        return
    if source.package not in _FLOOR_OF and source.package != "__init__":
        yield (
            f"{source.path}: package {source.package} has no floor: "
            "add it to FLOORS in tests/architecture/floors.py."
        )
        return
    own = _unit(source.module)
    for line, name in source.imports():
        target = _target(name)
        if target is None or _unit(target) == own:
            continue
        package = target.partition(".")[0]
        if package not in _FLOOR_OF:
            yield f"{source.path}:{line}: hazina.{package} has no floor: add it to FLOORS."
        elif _FLOOR_OF[package] == _FLOOR_OF[source.package]:
            yield (
                f"{source.path}:{line}: {own} imports its sibling {_unit(target)}: "
                "pass the value in from above, or move what both need to a lower floor."
            )
        elif _FLOOR_OF[package] > _FLOOR_OF[source.package]:
            yield (
                f"{source.path}:{line}: {own} imports {package} from a higher floor: "
                "take it as a parameter; bootstrap wires it."
            )


def core_knows_no_world(source: Source) -> Iterator[str]:
    """Below dispatch there is no web framework, HTTP client or broker."""
    if _FLOOR_OF.get(source.package, _LINE) >= _LINE:
        return
    for line, name in source.imports():
        if name.partition(".")[0] in _WORLD or name.startswith(_WORLD_MODULES):
            yield (
                f"{source.path}:{line}: {name} below the line: "
                "let dispatch, a connector or the api do it and pass in plain values."
            )


def ground_is_standard_library(source: Source) -> Iterator[str]:
    """The ground floor imports nothing but the standard library."""
    if _FLOOR_OF.get(source.package, _LINE) > _GROUND:
        return
    for line, name in source.imports():
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names | _GROUND_LIBRARIES | {"hazina"}:
            yield f"{source.path}:{line}: {root} on the ground floor: use the standard library."


def _target(name: str) -> str | None:
    """Return the module below hazina that an import names, or None for other libraries."""
    if not name.startswith("hazina.") or name.startswith("hazina.__"):
        return None
    return name.removeprefix("hazina.")


def _unit(module: str) -> str:
    """Return what counts as one package: each connector is one of its own."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "connectors" and len(parts) > 1 else parts[0]
