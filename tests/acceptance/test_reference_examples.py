"""The examples of docs/reference/api, sent as they are shown: by curl, Python and Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import stripe

from docs_build import render
from docs_build.examples import MAKERS, WITHOUT, example_of, things_of
from hazina.api.route import Route
from hazina.api.table import ROUTES
from tests.support.answers import demand_shape
from tests.support.checking_proxy import CheckingProxy
from tests.support.stripe_cli import CLIENTS
from tests.support.system import Shop, System

Render = Callable[[Route, render.Ids, dict[str, Any]], str]


class Things:
    """Makes the things that one example is about, each once."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._made: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """Return the id of a thing, which is made, with what it needs, when it is first named."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> str:
        maker = MAKERS[name]
        method, _, path = maker.route.partition(" ")
        path = "/".join(
            self[part[1:]] if part.startswith("$") else part for part in path.split("/")
        )
        fields = dict(render.form(render.filled(maker.params, self)))
        if method == "POST":
            answer = self._shop.post(path, **fields)
        else:
            if name == "event":
                self._make("customer")
            query = "&".join(f"{key}={value}" for key, value in fields.items())
            answer = self._shop.get(f"{path}?{query}")
        assert answer.status == 200, (name, answer.raw)
        found: Any = answer.body
        for step in maker.at.split("."):
            found = found[int(step) if step.isdigit() else step]
        return str(found)


@pytest.fixture(scope="module")
def platform(system: System) -> Shop:
    """A merchant that may make accounts and keys."""
    return system.merchant(is_platform=True)


def _run_all(shop: Shop, show: Render, run: Callable[[str], None]) -> None:
    """Run every route's example; fail with all that went wrong, by route."""
    wrong = []
    for route in ROUTES:
        if route.name in WITHOUT:
            continue
        things, example = Things(shop), example_of(route)
        if example is None:
            wrong.append(f"{route.name}: give it an example in docs_build/examples.py")
            continue
        try:
            ids = tuple(things[name] for name in things_of(route, example))
            text = show(route, ids, render.filled(example.params, things))
            run(text)
        except (AssertionError, KeyError, stripe.StripeError) as problem:
            wrong.append(f"{route.name}: {problem!r}")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is absent")
def test_the_examples_for_curl_are_answered(platform: Shop) -> None:
    environment = {"HAZINA_URL": platform.url, "HAZINA_SECRET_KEY": platform.secret_key}

    def run(text: str) -> None:
        command = ["sh", "-c", text.replace("curl", "curl -sS", 1)]
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, timeout=30, check=True
        )
        demand_shape(text, done.stdout)
        assert "error" not in json.loads(done.stdout), done.stdout

    _run_all(platform, render.curl, run)


def test_the_examples_for_python_are_answered(platform: Shop) -> None:
    with CheckingProxy(platform.url) as proxy:
        client = stripe.StripeClient(
            platform.secret_key, base_addresses={"api": proxy.url}, max_network_retries=0
        )

        def run(text: str) -> None:
            eval(text, {"client": client})

        _run_all(platform, render.python, run)


@pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / "stripe").is_dir(),
    reason="the npm package is absent: run make clients",
)
def test_the_examples_for_node_are_answered(platform: Shop) -> None:
    with CheckingProxy(platform.url) as proxy, _node(proxy.url, platform.secret_key) as ask:

        def run(text: str) -> None:
            outcome = ask(text)
            assert outcome["ok"], outcome["error"]

        _run_all(platform, render.node, run)


@contextmanager
def _node(url: str, key: str) -> Iterator[Callable[[str], dict[str, Any]]]:
    process = subprocess.Popen(
        ["node", "examples.mjs"],
        cwd=CLIENTS,
        env=os.environ | {"HAZINA_URL": url, "HAZINA_SECRET_KEY": key},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        requests, outcomes = process.stdin, process.stdout
        assert requests is not None
        assert outcomes is not None

        def ask(text: str) -> dict[str, Any]:
            requests.write(json.dumps(text) + "\n")
            requests.flush()
            outcome: dict[str, Any] = json.loads(outcomes.readline())
            return outcome

        yield ask
        requests.close()
