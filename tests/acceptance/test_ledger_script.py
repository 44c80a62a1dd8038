"""`hazina ledger apply --scratch` as a program drives it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hazina.db import embedded
from tests.support.postgres import TestRun

AMOUNT_MAX = str(2**128 - 1)


def apply(*requests: dict[str, Any] | str) -> tuple[int, list[Any]]:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in requests]
    done = subprocess.run(
        [sys.executable, "-m", "hazina", "ledger", "apply", "--scratch", "-"],
        input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_script_is_answered_line_by_line() -> None:
    between = {"debit_account_id": "1", "credit_account_id": "2", "ledger": 7, "code": 1}
    code, answers = apply(
        {"create_accounts": [
            {"id": "1", "ledger": 7, "code": 10, "flags": ["history"]},
            {"id": 2, "ledger": 7, "code": 10, "flags": ["debits_must_not_exceed_credits"]},
        ]},
        {"create_transfers": [
            {"id": "1", "amount": "5", **between},
            {"id": "2", "amount": 6, "flags": ["pending"], "timeout": 3, **between},
            {"id": "1", "amount": "5", **between},
            {"id": "3", "amount": "5", **between, "flags": ["linked"]},
        ]},
        {"advance_clock_ns": 3_000_000_000},
        {"create_transfers": [
            {"id": "4", "pending_id": "2", "amount": AMOUNT_MAX, "flags": ["post_pending_transfer"]}
        ]},
        {"lookup_accounts": ["2", "99", "1"]},
        {"lookup_transfers": ["1"]},
        {"get_account_balances": {"account_id": "1", "limit": 1, "flags": ["debits", "reversed"]}},
        {"get_account_transfers": {"account_id": "2", "limit": 10, "flags": ["credits"]}},
        {"query_accounts": {"ledger": 7, "limit": 10}},
        {"query_transfers": {"code": 1, "limit": 1, "flags": ["reversed"]}},
    )  # fmt: skip
    assert code == 0
    assert [[one["status"] for one in answers[index]] for index in (0, 1, 3)] == [
        ["created", "created"],
        ["created", "created", "exists", "linked_event_chain_open"],
        ["pending_transfer_expired"],
    ]
    assert answers[1][2]["timestamp"] == answers[1][0]["timestamp"]
    assert [one["id"] for one in answers[4]] == ["2", "1"]
    assert answers[4][1]["debits_posted"] == "5"
    assert answers[4][1]["debits_pending"] == "0"
    assert answers[5][0]["flags"] == []
    assert answers[6][0]["debits_pending"] == "6"
    assert [one["id"] for one in answers[7]] == ["1", "2"]
    assert [one["id"] for one in answers[8]] == ["1", "2"]
    assert [one["id"] for one in answers[9]] == ["2"]


def test_a_line_that_cannot_be_read_is_answered_with_an_error_and_the_script_goes_on() -> None:
    code, answers = apply(
        "nonsense",
        {"create_accounts": [{"id": "-1"}]},
        {"create_accounts": [{"id": "1", "colour": "red"}]},
        {"create_accounts": [{"id": "1", "ledger": 1, "code": 1, "flags": ["unheard_of"]}]},
    )
    assert code == 1
    assert [type(answer) for answer in answers] == [dict, dict, dict, list]
    assert all(answer["error"]["code"] == "parameter_invalid" for answer in answers[:3])
    assert answers[3][0]["status"] == "reserved_flag"


def test_bytes_that_are_no_text_spoil_their_own_line_alone(tmp_path: Path) -> None:
    good = json.dumps({"create_accounts": [{"id": "1", "ledger": 1, "code": 1}]}).encode()
    script = tmp_path / "script.jsonl"
    script.write_bytes(b"\xff\xfe\n" + good + b"\n")
    for file, sent in (str(script), b""), ("-", script.read_bytes()):
        done = subprocess.run(
            [sys.executable, "-m", "hazina", "ledger", "apply", "--scratch", file],
            input=sent, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        unreadable, made = (json.loads(line) for line in done.stdout.splitlines())
        assert done.returncode == 1
        assert unreadable["error"]["code"] == "parameter_invalid"
        assert made[0]["status"] == "created"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any account can reach, unlike pytest's own temporary folders."""
    parent = Path(tempfile.mkdtemp(prefix="hz-ledger-"))
    parent.chmod(0o711)
    yield parent
    embedded.destroy(parent / "postgres")
    shutil.rmtree(parent)


def ledger(*arguments: str, sent: str = "", **environment: str) -> tuple[int, str]:
    """Run a command of the ledger; return its exit code and everything that it printed."""
    kept = {name: value for name, value in os.environ.items() if name != "HAZINA_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "hazina", "ledger", *arguments], input=sent,
        capture_output=True, text=True, timeout=110, check=False, env={**kept, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_ledger_books_in_an_empty_folder(folder: Path) -> None:
    accounts = [{"id": 1, "ledger": 7, "code": 1}, {"id": 2, "ledger": 7, "code": 1}]
    code, out = ledger(
        "apply", "--var", str(folder), "-", sent=json.dumps({"create_accounts": accounts})
    )
    assert code == 0, out
    assert [one["status"] for one in json.loads(out)] == ["created", "created"]
    code, out = ledger("verify", "--var", str(folder))
    assert code == 0, out


@pytest.mark.parametrize("command", ["verify", "accounts", "invariants", "export", "partitions"])
def test_what_only_looks_makes_no_database(tmp_path: Path, command: str) -> None:
    for missing in (tmp_path, tmp_path / "mistyped"):
        code, out = ledger(command, "--var", str(missing))
        assert code == 1
        assert "There is no database in" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "--scratch", "--space", "acct_1", "-"],
        ["accounts", "--space", "acct_1"],
        ["accounts", "--merchant", "acct_1"],
        ["statement", "--merchant", "acct_1"],
        ["export", "--space", "acct_1"],
    ],
)
def test_a_merchant_without_a_mode_is_refused_and_both_modes_named(arguments: list[str]) -> None:
    code, out = ledger(*arguments, HAZINA_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert code == 1
    said = " ".join(out.split())
    assert "acct_1_test" in said
    assert "acct_1_live" in said


def test_an_empty_ledger_is_told_in_words(fresh_database_url: str) -> None:
    for command in ["accounts", "--space"], ["export", "--space"]:
        code, out = ledger(*command, "nobody", HAZINA_DATABASE_URL=fresh_database_url)
        assert code == 0, out
        assert "There are no accounts in nobody" in out
    code, out = ledger("trial-balance", "--space", "x", HAZINA_DATABASE_URL=fresh_database_url)
    assert (code, out) == (0, "Nothing is booked in x.\n")


BOOKED = (
    {"create_accounts": [{"id": one, "ledger": 7, "code": 10 + one} for one in (1, 2)]},
    {"create_transfers": [{"id": 1, "debit_account_id": 1, "credit_account_id": 2,
                           "ledger": 7, "code": 1, "amount": str(10**30)}]},
)  # fmt: skip


@pytest.fixture
def booked(fresh_database_url: str) -> str:
    """A database in which the space `mine` holds one transfer of 31 digits."""
    sent = "\n".join(json.dumps(one) for one in BOOKED)
    url = fresh_database_url
    code, out = ledger("apply", "--space", "mine", "-", sent=sent, HAZINA_DATABASE_URL=url)
    assert code == 0, out
    return url


def test_the_trial_balance_of_a_space_sums_its_accounts(booked: str) -> None:
    arguments = "trial-balance", "--space", "mine"
    code, out = ledger(*arguments, "--json", HAZINA_DATABASE_URL=booked)
    assert code == 0, out
    assert json.loads(out) == [
        {"ledger": 7, "code": 11, "debit": str(10**30), "credit": "0"},
        {"ledger": 7, "code": 12, "debit": "0", "credit": str(10**30)},
    ]
    code, out = ledger(*arguments, HAZINA_DATABASE_URL=booked)
    assert code == 0, out
    assert out.count(str(10**30)) == 2


def test_accounts_are_listed_as_they_were_opened_with_all_that_limits_them(booked: str) -> None:
    opened = [
        {"id": n, "ledger": 7, "code": 1, "overdraft": 5, "metadata": {"n": str(n)},
         "flags": ["debits_must_not_exceed_credits"]}
        for n in (9, 4, 8, 3)
    ]  # fmt: skip
    closing = {"id": 2, "debit_account_id": 1, "credit_account_id": 4, "ledger": 7, "code": 1,
               "flags": ["pending", "closing_credit"]}  # fmt: skip
    sent = (
        json.dumps({"create_accounts": opened}) + "\n" + json.dumps({"create_transfers": [closing]})
    )
    arguments = ["--space", "mine"]
    ledger("apply", *arguments, "-", sent=sent, HAZINA_DATABASE_URL=booked)
    code, out = ledger("accounts", *arguments, "--json", HAZINA_DATABASE_URL=booked)
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, [one["account"] for one in found]) == (0, ["1", "2", "9", "4", "8", "3"])
    assert found[3]["flags"] == ["debits_must_not_exceed_credits", "closed"]
    assert (found[3]["overdraft"], found[3]["metadata"]) == ("5", {"n": "4"})
    assert found[0]["timestamp"] < found[3]["timestamp"]
    code, out = ledger("accounts", *arguments, HAZINA_DATABASE_URL=booked)
    assert "debits_must_not_exceed_credits closed" in out
    for account, left in (("4", "5"), ("1", None)):
        code, out = ledger("balance", account, *arguments, "--json", HAZINA_DATABASE_URL=booked)
        assert json.loads(out)["available"] == left


def test_tables_cut_no_digit_and_no_heading(booked: str) -> None:
    for command in ["accounts"], ["balance", "1"], ["statement", "1"]:
        arguments = [*command, "--space", "mine"]
        code, out = ledger(*arguments, HAZINA_DATABASE_URL=booked, COLUMNS="80")
        assert code == 0, out
        assert str(10**30) in out
        assert "credits_pending" in out
        # On a narrow terminal cells go on in their next line.
        code, out = ledger(
            *arguments, HAZINA_DATABASE_URL=booked, COLUMNS="80", FORCE_COLOR="1", NO_COLOR="1"
        )
        assert code == 0, out
        assert "…" not in out


def test_numbers_and_moments_out_of_range_and_broken_anchors_are_refused_in_a_line(
    fresh_database_url: str, tmp_path: Path
) -> None:
    head = {"slot": 1, "sequence": 1, "hash": "0" * 64}
    anchors = []
    for number, holds in enumerate(([], [{**head, "slot": "one"}], [{**head, "hash": 7}], ["x"])):
        anchors.append(tmp_path / f"{number}.json")
        anchors[-1].write_text(json.dumps(holds))
    for arguments, says in [
        (["balance", "9" * 45], "is no client's number"),
        (["balance", "1", "--at", "9" * 20], "use one from 1970"),
        (["balance", "1", "--at", "2300-01-01"], "use one from 1970"),
        (["statement", "1", "--from", "2027-01-01", "--to", "2026-01-01"], "must not be later"),
        (["statement", "1", "--csv", "--json"], "Choose one of --csv and --json"),
        (["accounts", "--space", "a", "--merchant", "acct_1_test"], "with --space, or a merchant"),
        *((["verify", "--anchor", str(file)], "holds no heads") for file in anchors),
    ]:
        code, out = ledger(*arguments, HAZINA_DATABASE_URL=fresh_database_url)
        assert code == 1, arguments
        assert "Traceback" not in out
        assert says in " ".join(out.split())


def test_a_database_without_the_schema_is_refused_in_a_line(test_run: TestRun) -> None:
    with test_run.empty_database() as url:
        code, out = ledger("accounts", HAZINA_DATABASE_URL=url)
    assert code == 1
    assert "run `hazina migrate` first" in " ".join(out.split())
    assert "Traceback" not in out
