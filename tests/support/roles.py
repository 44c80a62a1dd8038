"""Roles of one database alone, and sessions that have a role's rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from hazina.db.roles import RoleNames, grant_roles
from hazina.ledger.tables import APPEND_ONLY, NEVER_REMOVED


@contextmanager
def own_roles(url: str) -> Iterator[RoleNames]:
    """Grant roles that are this database's alone, since roles belong to the whole cluster."""
    suffix = conninfo_to_dict(url)["dbname"]
    names = RoleNames(f"application_{suffix}", f"reader_{suffix}")
    grant_roles(url, APPEND_ONLY, NEVER_REMOVED, names)
    try:
        yield names
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            for name in (names.application, names.reader):
                connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def as_role(url: str, name: str) -> str:
    """Return the URL of a session that has this role's rights."""
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}options={quote(f'-c role={name}')}"
