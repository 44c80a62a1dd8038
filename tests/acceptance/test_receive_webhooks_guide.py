"""Every verification in the guide accepts what we send and refuses what was altered."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hazina.clock import SystemClock, unix
from hazina.ids import SystemIds
from hazina.webhooks.signature import PREFIX, headers
from tests.architecture.source import ROOT
from tests.support.stripe_cli import CLIENTS

GUIDE = (ROOT / "docs" / "guides" / "receive-webhooks.md").read_text()
SECRET = f"{PREFIX}{SystemIds().secret()}"
BODY = b'{"id":"evt_1","object":"event","type":"charge.succeeded"}'
SIGNED = {
    name.lower(): value
    for name, value in headers([SECRET], "evt_1", unix(SystemClock().now()), BODY)
}
ALTERED = BODY.replace(b"succeeded", b"refunded")


def _blocks(language: str) -> dict[str, str]:
    """Return the guide's blocks of a language by the heading that they stand below."""
    sections = re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    found = {}
    for section in sections:
        for block in re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL):
            found[section.partition("\n")[0]] = block
    return found


PYTHON, NODE = _blocks("python"), _blocks("js")


def test_the_guide_has_what_is_tested_here() -> None:
    assert (len(PYTHON), len(NODE)) == (3, 2)


@pytest.mark.parametrize("heading", PYTHON)
def test_python_verifies_as_the_guide_says(heading: str) -> None:
    names: dict[str, Any] = {}
    exec(PYTHON[heading], names)
    verified: Callable[..., Any] = names["verified"]
    assert verified(BODY, SIGNED, SECRET)["id"] == "evt_1"
    with pytest.raises(Exception, match=r"(?i)signature"):
        verified(ALTERED, SIGNED, SECRET)


@pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / "standardwebhooks").is_dir(),
    reason="the npm package is absent: run npm ci in tests/clients/node",
)
@pytest.mark.parametrize("heading", NODE)
def test_node_verifies_as_the_guide_says(heading: str, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to((CLIENTS / "node_modules").resolve())
    (tmp_path / "guide.mjs").write_text(NODE[heading])
    given = json.dumps([BODY.decode(), ALTERED.decode(), SIGNED, SECRET])
    (tmp_path / "run.mjs").write_text(
        "import {verified} from './guide.mjs';\n"
        f"const [body, altered, headers, secret] = {given};\n"
        "if (verified(body, headers, secret).id !== 'evt_1') throw new Error('not the event');\n"
        "let refused = false;\n"
        "try { verified(altered, headers, secret); } catch { refused = true; }\n"
        "if (!refused) throw new Error('an altered body was accepted');\n"
    )
    done = subprocess.run(
        ["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
