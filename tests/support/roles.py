"""Sessions that have a role's rights alone."""

from __future__ import annotations

from urllib.parse import quote


def as_role(url: str, name: str) -> str:
    """Return the URL of a session that has this role's rights."""
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}options={quote(f'-c role={name}')}"
