"""The product as it was at an earlier revision, to be measured beside what it is now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


@contextmanager
def earlier(revision: str, var: Path) -> Iterator[dict[str, Any]]:
    """Start the product of a revision below `var`; yield where it stands (see `standing`).

    Its modules come from a second working tree, its libraries are those installed now.
    """
    tree = var / "earlier-tree"
    _git("worktree", "add", "--quiet", "--detach", str(tree), revision)
    process = subprocess.Popen(
        [sys.executable, str(_ROOT / "benchmarks" / "standing.py"), str(var / "earlier")],
        env={**os.environ, "PYTHONPATH": f"{tree / 'src'}:{tree}"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the product of {revision} did not start")
        yield json.loads(line)
    finally:
        process.stdin.close()
        process.wait(60)
        _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    subprocess.run(["git", "-C", str(_ROOT), *words], check=True)
