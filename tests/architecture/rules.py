"""The rules about what stands inside a file; each message says what to do instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from tests.architecture.floors import (
    core_knows_no_world,
    ground_is_standard_library,
    imports_go_down,
)
from tests.architecture.source import ROOT, Source

Rule = Callable[[Source], Iterator[str]]

FILE_LINES_MAX = 600
FILE_LINES_NOTED = 400
FUNCTION_LINES_MAX = 70
# Nobody edits these: they are looked things up in, and each holds one kind of thing.
GENERATED = "docs/reference/"

_MEASURED = (".py", ".sql", ".md", ".html", ".js", ".mjs")
_MONEY = frozenset(
    [
        "balances",
        "catalog",
        "checkout",
        "commands",
        "customers",
        "ledger",
        "merchants",
        "money",
        "payment_methods",
        "payments",
        "rails",
        "reports",
        "setup_intents",
    ]
)
_AMOUNT = re.compile(
    r"(^|[._])(amount|balance|captured|fee|minor|paid|price|refunded|total)s?([._]|$)"
)
_ROUNDING = "src/hazina/money/rounding.py"
_VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc"})
_CLOCK_OWNERS = ("src/hazina/clock.py", "src/hazina/ids.py")
_CLOCK_MODULES = frozenset({"time", "random", "secrets"})
# As they are called in full, whatever name an import gives them.
_CLOCK_CALLS = frozenset(
    [
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.date.today",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid.uuid7",
        "os.urandom",
        "os.getrandom",
        "time.time",
        "time.monotonic",
    ]
)
_DRIVERS = frozenset(
    [
        "aiopg",
        "aiosqlite",
        "asyncpg",
        "pg8000",
        "psycopg",
        "psycopg2",
        "psycopg_pool",
        "sqlalchemy",
        "sqlite3",
    ]
)
_PROVIDERS = frozenset(
    [
        "adyen",
        "cybersource",
        "daraja",
        "flutterwave",
        "mpesa",
        "paystack",
        "safaricom",
        "visadirect",
    ]
)
_TWO_WORDS = re.compile(r"\b(visa)[ _-](direct)|\b(m)[ _-](pesa)")
_SANDBOX_WIRING = ("src/hazina/bootstrap/", "src/hazina/cli/", "src/hazina/cli.py")
# Assembled, so that this file does not break its own rule.
_REGISTRY_HOSTS = tuple(
    f"{name}.{end}"
    for name, end in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("maven", "org"),
        ("proxy.golang", "org"),
        ("crates", "io"),
    )
)


def files_stay_short(source: Source) -> Iterator[str]:
    """A file has at most 600 lines, unless it is generated."""
    if source.path.startswith(GENERATED):
        return
    lines = source.text.count("\n")
    if source.path.endswith(_MEASURED) and lines > FILE_LINES_MAX:
        yield f"{source.path}: {lines} lines: find the noun inside it and give it its own file."


def functions_stay_short(source: Source) -> Iterator[str]:
    """A function has at most 70 lines."""
    for node in source.nodes if source.is_python else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield (
                    f"{source.path}:{node.lineno}: {node.name} has {lines} lines: "
                    f"split it by what it does; {FUNCTION_LINES_MAX} are allowed."
                )


def files_open_with_a_sentence(source: Source) -> Iterator[str]:
    """A Python file says first what it holds."""
    if source.is_python and source.text.strip() and not ast.get_docstring(source.tree):
        yield f"{source.path}: no docstring: open with one sentence saying what the file holds."


def names_say_something(source: Source) -> Iterator[str]:
    """No file is called utils, helpers, common or manager; generated ones have Stripe's words."""
    if source.path.startswith(GENERATED):
        return
    for part in PurePosixPath(source.path).parts:
        stem = part.partition(".")[0]
        if _VAGUE.intersection(stem.split("_")):
            yield f"{source.path}: {stem} says nothing: name the file after the thing it holds."


def money_has_no_floats(source: Source) -> Iterator[str]:
    """The money packages count in integers and `Decimal`; so does all that names an amount."""
    if not source.module:
        return
    advice = "use integers in minor units, `//` and money.rounding."
    for node in source.nodes:
        if source.package not in _MONEY and not _counts_money(node):
            continue
        match node:
            case ast.Call(func=ast.Name(id="round")) if source.path != _ROUNDING:
                yield f"{source.path}:{node.lineno}: round: {advice}"
            case ast.Call(func=ast.Name(id="float")) if source.package not in _MONEY:
                yield f"{source.path}:{node.lineno}: the type float: {advice}"
            case ast.BinOp(left=ast.Constant(value=float())) if source.package not in _MONEY:
                yield f"{source.path}:{node.lineno}: a float: {advice}"
            case ast.BinOp(right=ast.Constant(value=float())) if source.package not in _MONEY:
                yield f"{source.path}:{node.lineno}: a float: {advice}"
            case ast.Constant(value=float() as value):
                yield f"{source.path}:{node.lineno}: the float {value}: {advice}"
            case ast.Name(id="float"):
                yield f"{source.path}:{node.lineno}: the type float: {advice}"
            case ast.BinOp(op=ast.Div(), right=right) if not _is_text(right):
                yield f"{source.path}:{node.lineno}: true division: {advice}"
            case ast.AugAssign(op=ast.Div(), value=right) if not _is_text(right):
                yield f"{source.path}:{node.lineno}: true division: {advice}"


def time_and_chance_come_from_outside(source: Source) -> Iterator[str]:
    """Only `clock` and `ids` read the machine's clock or draw random bits."""
    if not source.module or source.path in _CLOCK_OWNERS:
        return
    advice = "take a Clock (hazina.clock) or Ids (hazina.ids) as a parameter."
    for line, name in source.imports():
        if name.partition(".")[0] in _CLOCK_MODULES or name in {"uuid.uuid4", "os.urandom"}:
            yield f"{source.path}:{line}: imports {name}: {advice}"
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        called = source.full_name(node.func)
        if called in _CLOCK_CALLS or (called == "asyncio.sleep" and not _is_zero(node)):
            yield f"{source.path}:{node.lineno}: calls {called}: {advice}"


def only_db_knows_the_driver(source: Source) -> Iterator[str]:
    """Database drivers are imported in `db` and nowhere else."""
    if not source.module or source.package == "db":
        return
    for line, name in source.imports():
        if name.partition(".")[0] in _DRIVERS:
            yield f"{source.path}:{line}: {name}: read through hazina.db.reader, write a Unit."


def providers_stay_in_their_folders(source: Source) -> Iterator[str]:
    """A provider's name stands in its connector, in simulators and where it is wired."""
    if not source.path.startswith("src/hazina/") or source.package == "simulators":
        return
    text = _TWO_WORDS.sub(lambda found: "".join(filter(None, found.groups())), source.text.lower())
    for name in sorted(_providers()):
        if source.path.startswith(f"src/hazina/connectors/{name}/"):
            continue
        if name == "sandbox" and source.path.startswith(_SANDBOX_WIRING):
            continue
        found = re.search(rf"(?<![a-z]){name}", text)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            yield (
                f"{source.path}:{line}: names the provider {name}: declare what is meant as a "
                "capability, or move it into the connector's folder."
            )


def errors_are_not_swallowed(source: Source) -> Iterator[str]:
    """Nobody catches everything and goes on as if nothing had been."""
    advice = "name the error you expect, or log it at the edge and let it end the task."
    for node in source.nodes if source.is_python else ():
        match node:
            case ast.ExceptHandler(type=None):
                yield f"{source.path}:{node.lineno}: bare except: {advice}"
            case ast.ExceptHandler(type=caught, body=body) if _is_any(caught) and _is_idle(body):
                yield f"{source.path}:{node.lineno}: swallows every error: {advice}"
            case ast.Call(func=called, args=args) if ast.unparse(called) in {
                "suppress",
                "contextlib.suppress",
            } and any(map(_is_any, args)):
                yield f"{source.path}:{node.lineno}: suppresses every error: {advice}"


def transaction_is_qualified(source: Source) -> Iterator[str]:
    """No name of ours begins with the bare word transaction."""
    for node in source.nodes if source.module else ():
        for line, name in _defined_names(node):
            words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")
            if words[0] in {"transaction", "transactions"}:
                yield (
                    f"{source.path}:{line}: {name}: say unit, transfer, entry, attempt, "
                    "balance_transaction or database_transaction."
                )


def tests_patch_nothing(source: Source) -> Iterator[str]:
    """Tests pass other parts in; they do not replace parts of ours in place."""
    if not source.path.startswith("tests/") or not source.is_python:
        return
    advice = "give the code a parameter and pass a simulator or the in-memory store."
    for line, name in source.imports():
        if name.startswith(("unittest.mock", "mock.", "pytest_mock")):
            yield f"{source.path}:{line}: imports {name}: {advice}"
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr")):
                yield f"{source.path}:{node.lineno}: monkeypatch.setattr: {advice}"


def no_registry_hosts(source: Source) -> Iterator[str]:
    """Whoever installs decides where from: no file names a package registry."""
    for host in _REGISTRY_HOSTS:
        if host in source.text:
            yield f"{source.path}: names {host}: leave the index to the installer's settings."


RULES: tuple[Rule, ...] = (
    imports_go_down,
    core_knows_no_world,
    ground_is_standard_library,
    files_stay_short,
    functions_stay_short,
    files_open_with_a_sentence,
    names_say_something,
    money_has_no_floats,
    time_and_chance_come_from_outside,
    only_db_knows_the_driver,
    providers_stay_in_their_folders,
    errors_are_not_swallowed,
    transaction_is_qualified,
    tests_patch_nothing,
    no_registry_hosts,
)


def _providers() -> set[str]:
    folders = (ROOT / "src" / "hazina" / "connectors").glob("[a-z]*/")
    return {*_PROVIDERS, *(folder.name for folder in folders)}


def _counts_money(node: ast.AST) -> bool:
    """Tell whether something is computed here from what is called an amount."""
    match node:
        case ast.BinOp(left=left, right=right):
            parts = [left, right]
        case ast.Call(args=args):
            parts = args
        case ast.AugAssign(target=target):
            parts = [target]
        case _:
            return False
    return any(_AMOUNT.search(ast.unparse(part)) for part in parts)


def _is_text(node: ast.expr) -> bool:
    """Tell a path joined with `/` from a division."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_zero(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and not call.args[0].value


def _is_any(caught: ast.expr | None) -> bool:
    return isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"}


def _is_idle(body: list[ast.stmt]) -> bool:
    idle = ast.Pass | ast.Continue
    return all(
        isinstance(line, idle)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in body
    )


def _defined_names(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield node.lineno, name
        case ast.arg(arg=name):
            yield node.lineno, name
        case ast.Name(id=name, ctx=ast.Store()):
            yield node.lineno, name
