"""Every event that is recorded, and every published sample, is as its schema says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import psycopg
import pytest

from docs_build.event_samples import path_of
from docs_build.event_schemas import files
from docs_build.pages import REFERENCE
from hazina.events.types import RECORDED
from tests.support import stripe_schema
from tests.support.direct import direct
from tests.support.tenancy import Stage
from tests.support.tenancy_rows import MAKE


def _validators() -> Mapping[str, Any]:
    """Return a validator for each event type, with the schema of its object put in."""
    schemas = {path: json.loads(text) for path, text in files(REFERENCE).items()}
    found = {}
    for path, schema in schemas.items():
        if path.parent.name == "objects":
            continue
        data = schema["properties"]["data"]["properties"]
        data["object"] = schemas[path.parent / data["object"]["$ref"]]
        found[path.stem] = jsonschema_rs.Draft202012Validator(schema)
    return found


@pytest.mark.timeout(120)
async def test_recorded_events_are_valid_by_their_schemas(fresh_database_url: str) -> None:
    async with direct(fresh_database_url) as api:
        owner = await api.core.merchants.create(is_platform=True)
        stage = Stage(api, await api.core.merchants.issue_key(owner))
        for name in MAKE:
            await stage.id(name)

    validators = _validators()
    with psycopg.connect(fresh_database_url) as connection:
        rows = connection.execute("SELECT type, body FROM event").fetchall()
    wrong = {
        f"{name} {error.instance_path}: {error.message[:200]}"
        for name, body in rows
        for error in validators[name].iter_errors(json.loads(body))
    }
    assert wrong == set()
    assert len({name for name, _ in rows}) >= 15


def test_samples_are_valid_by_their_schemas_and_in_stripes_shape() -> None:
    validators = _validators()
    for name in RECORDED:
        sample = json.loads(path_of(name).read_text())
        wrong = [error.message[:200] for error in validators[name].iter_errors(sample)]
        assert wrong + stripe_schema.check(sample) == [], name
