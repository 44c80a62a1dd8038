"""Every named effect boundary stands in the code, and only those."""

from __future__ import annotations

import re

from hazina.bootstrap import app  # noqa: F401  (what is imported declares its boundaries)
from hazina.crashpoints import declared
from hazina.kafka import relay  # noqa: F401
from tests.architecture.source import all_sources


def test_each_declared_boundary_stands_in_the_code_and_each_one_there_is_declared() -> None:
    """One that is declared only could never be reached; one in the code only never armed."""
    found = [
        name
        for source in all_sources()
        if source.path.startswith("src/hazina/") and source.path.endswith(".py")
        for name in re.findall(r'\bcrashpoint\("([^"]+)"\)', source.text)
    ]

    assert sorted(found) == sorted(declared())
