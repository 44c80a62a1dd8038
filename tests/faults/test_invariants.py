"""Each invariant notices what breaks it: the checks are tested by planted damage."""

from __future__ import annotations

from typing import Any

import orjson
import psycopg
import pytest
from psycopg.rows import dict_row

from hazina.invariants import service as invariants
from hazina.invariants.check import When
from hazina.invariants.secrets import looks_like_card_number
from hazina.invariants.service import CHECKS
from tests.support.books import broken_invariants, entries_of
from tests.support.cardholder_browser import answer_challenge
from tests.support.flows import Shop, open_shop
from tests.support.looking import fetch_within
from tests.support.simulator import Simulator

_CHALLENGED = "pm_card_threeDSecureRequired"
_BACK = "https://shop.example/back"
_NEW_COMMAND = (
    "INSERT INTO command (merchant_id, id, operation, provider, payment_intent, charge, refund, "
    "request, state, fence, inquiries, created) SELECT merchant_id, 'cmd_planted' || {n}, "
    "operation, provider, payment_intent, charge, refund, request, '{state}', 1, 0, created "
    "FROM command WHERE operation = '{operation}' LIMIT 1"
)
_TOLD_AGAIN = (
    "INSERT INTO event (merchant_id, id, type, object_id, sequence, created, body) "
    "SELECT merchant_id, id || 'x{n}', '{type}', object_id, {sequence}, created, "
    "convert_to(replace(convert_from(body, 'UTF8'), '\"status\":\"succeeded\"', "
    "'\"status\":\"processing\"'), 'UTF8') FROM event "
    "WHERE type = 'payment_intent.succeeded' LIMIT 1"
)
_DAMAGE = {
    "captured_within_authorized_and_refunded_within_captured":
        "ALTER TABLE charge DROP CONSTRAINT charge_check1; UPDATE charge SET "
        "amount_refund_reserved = amount_captured + 1 WHERE amount_captured > 0",
    "intent_amounts_are_those_of_its_charges":
        "UPDATE payment_intent SET amount_received = amount_received - 1 WHERE amount_received > 0",
    "charge_counts_its_refunds": "UPDATE charge SET amount_refunded = 1 WHERE captured",
    "ledger_holds_what_charges_hold": "UPDATE charge SET hold = NULL",
    "chains_verify": "UPDATE transfer SET amount = amount + 1",
    "one_effect_per_command": "DELETE FROM command WHERE operation = 'capture'",
    "one_authorization_per_charge":
        _NEW_COMMAND.format(n=1, state="done", operation="authorize"),
    "one_command_per_refund": _NEW_COMMAND.format(n=2, state="done", operation="refund"),
    "answered_key_has_answer_and_object":
        "INSERT INTO idempotency_key (merchant_id, route, key, digest, operation, fence, answered, "
        "created) SELECT merchant_id, 'r', 'k', 'd', 'pi_gone', 1, true, now() FROM merchant",
    "nothing_is_told_twice":
        "INSERT INTO event (merchant_id, id, type, object_id, sequence, created, body) SELECT "
        "merchant_id, id || 'y', type, object_id, sequence, created, body FROM event",
    "every_end_is_told_once":
        "UPDATE event SET type = 'refund.lost' WHERE type = 'refund.created'",
    "every_version_is_told": "DELETE FROM event WHERE type = 'charge.captured'",
    "events_are_not_ahead_of_their_object":
        _TOLD_AGAIN.format(n=1, type="payment_intent.processing", sequence=99),
    "deliveries_are_of_events":
        "INSERT INTO webhook_delivery (merchant_id, endpoint, event_id, position, state, attempts, "
        "created) SELECT merchant_id, 'we_1', 'evt_gone', 1, 'pending', 0, now() FROM merchant",
    "status_fits_what_happened":
        "UPDATE payment_intent SET status = 'canceled' WHERE status = 'succeeded'",
    "held_operation_is_an_open_command":
        "UPDATE payment_intent SET operation = 'cmd_gone', operation_kind = 'capture'",
    "only_legal_transitions_were_told":
        _TOLD_AGAIN.format(n=2, type="payment_intent.processing", sequence=98),
    "versions_never_go_back":
        _TOLD_AGAIN.format(n=3, type="payment_intent.processing", sequence=1),
    "unknown_is_not_booked_as_failed":
        _NEW_COMMAND.format(n=3, state="waiting", operation="refund")
        + "; UPDATE refund SET status = 'failed'",
    "failed_leaves_no_effect": "UPDATE refund SET status = 'failed'",
    "known_outcome_is_booked": "UPDATE refund SET status = 'pending'",
    "lines_come_to_captured_less_refunded":
        "UPDATE balance_transaction SET amount = amount + 1 WHERE type = 'charge'",
    "customer_debits_equal_merchant_credits_and_fees":
        "UPDATE balance_transaction SET fee = fee + 1",
    "references_stay_within_the_merchant":
        "UPDATE payment_intent SET customer = 'cus_of_another'",
    "accounts_belong_to_merchants":
        "UPDATE account SET owner = 'acct_of_nobody' WHERE owner <> ''",
    "no_card_number_is_kept":
        "UPDATE charge SET details = '{\"note\": \"4242 4242 4242 4242\"}'",
    "nothing_is_left_open": "UPDATE payment_intent SET status = 'processing'",
    "money_comes_on_its_day":
        "UPDATE balance_transaction SET available_on = available_on + interval '1 day'",
    "books_are_the_same": "UPDATE charge SET amount_captured = amount_captured - 1 WHERE captured",
}  # fmt: skip
_NUMBER = "4242 4242 4242 4242"
_FURTHER = (
    ("answered_key_has_answer_and_object",
     "INSERT INTO idempotency_key (merchant_id, route, key, digest, operation, fence, answered, "
     "created) SELECT merchant_id, 'r', 'k', 'd', 'cmd_gone', 1, false, now() FROM merchant"),
    *(
        (check, "UPDATE setup_intent SET status = 'processing', operation = NULL")
        for check in ("status_fits_what_happened", "nothing_is_left_open")
    ),
    ("known_outcome_is_booked", "UPDATE setup_attempt SET status = 'processing'"),
    *(
        ("references_stay_within_the_merchant", f"UPDATE {change}_of_another'")
        for change in (
            "charge SET customer = 'cus", "refund SET payment_intent = 'pi",
            "command SET refund = 're",
        )
    ),
    *(
        ("only_legal_transitions_were_told",
         "UPDATE event SET body = convert_to(replace(convert_from(body, 'UTF8'), "
         "'\"status\":\"succeeded\"', '\"status\":\"failed\"'), 'UTF8') "
         f"WHERE type = 'charge.{told}'")
        for told in ("succeeded", "captured")
    ),
    ("money_comes_on_its_day",
     "UPDATE balance_transaction SET available_on = created WHERE type = 'charge'"),
    ("no_card_number_is_kept", f"UPDATE command SET evidence = 'HTTP 500: ({_NUMBER})'"),
    *(
        ("no_card_number_is_kept", f"UPDATE {table} SET {column} = '{{\"note\": \"{_NUMBER}\"}}'")
        for table, column in (
            ("command", "history"), ("charge", "failure"), ("charge", "network"),
            ("charge", "metadata"), ("refund", "metadata"), ("payment_intent", "unknown"),
            ("payment_intent", "metadata"), ("setup_intent", "unknown"),
            ("setup_intent", "metadata"), ("customer", "metadata"),
        )
    ),
    *(
        ("no_card_number_is_kept", "INSERT INTO inbox (connector, deduplication_key, reference, "
         "body, headers, state, tries, reason, received) VALUES "
         f"('sandbox', 'k', 'cmd_x', '{{}}', '{{\"x\": \"{headers}\"}}', 'applied', 1, "
         f"'{reason}', now())")
        for headers, reason in ((_NUMBER, "forged"), ("", _NUMBER))
    ),
)  # fmt: skip
"""Damage of another kind that a check must notice too."""


def test_every_check_has_damage_that_it_must_notice() -> None:
    """The ledger's own have theirs in tests/integration/test_ledger_tampering.py."""
    own = {
        check.name
        for check in CHECKS
        if check.when is not When.ELSEWHERE and not check.sentence.startswith("Ledger:")
    }
    assert own == _DAMAGE.keys()
    assert {check.invariant for check in CHECKS} == {f"I{number}" for number in range(1, 17)}


async def test_each_check_notices_what_breaks_it(fresh_database_url: str) -> None:
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            # Two refunds of different payments, so that one command more is one too many.
            for _ in range(2):
                held = await shop.hold()
                await shop.capture(held)
                await shop.refund(held, amount=1_000)
            await shop.hold()
            await shop.core.customers.create(shop.caller, {}, None)
            params = {"payment_method": "pm_card_visa", "confirm": True}
            await shop.core.setup_intents.create(shop.caller, params, None)
        books = simulator.books()
    assert await broken_invariants(fresh_database_url, books) == []
    missed = []
    with psycopg.connect(fresh_database_url, row_factory=dict_row) as connection:
        for name, damage in (*_DAMAGE.items(), *_FURTHER):
            with connection.transaction(force_rollback=True):
                connection.execute("SET LOCAL session_replication_role = replica")
                for statement in damage.split("; "):
                    connection.execute(statement.encode())
                results = await invariants.run(
                    fetch_within(connection, invariants.FILES),
                    settled=True,
                    books=entries_of(books),
                )
            broken = [result.check.name for result in results if result.broken]
            if name not in broken:
                missed.append((name, damage, broken))
    assert missed == []


async def test_what_is_canceled_while_its_customer_authenticates_is_the_same_in_both_books(
    fresh_database_url: str,
) -> None:
    """And what the provider still holds, took or waits for after such a cancellation is noticed."""
    with Simulator() as simulator:
        async with open_shop(fresh_database_url, simulator) as shop:
            paid = await shop.pay(_CHALLENGED)
            held = await shop.hold(_CHALLENGED)
            setup = await _set_up(shop)
            waiting = [made["status"] for made in (paid, held, setup)]
            assert waiting == ["requires_action"] * 3
            ended = [await shop.cancel(paid), await shop.cancel(held)]
            answer = await shop.core.setup_intents.cancel(shop.caller, setup["id"], {}, None)
            ended.append(orjson.loads(answer.body))
            assert [made["status"] for made in ended] == ["canceled"] * 3
            # A verification has no void: the customer's page stays open, and moves no money.
            answer_challenge(setup["next_action"]["redirect_to_url"]["url"], "complete", _BACK)
            await shop.work()
        books = simulator.books()
    assert await broken_invariants(fresh_database_url, books) == []
    voided = next(entry for entry in books if entry["state"] == "voided")
    for otherwise in (
        {"state": "approved"}, {"state": "action_required"}, {"captured": voided["amount"]},
        {"amount": voided["amount"] + 1},
    ):  # fmt: skip
        changed = [entry | otherwise if entry is voided else entry for entry in books]
        found = await broken_invariants(fresh_database_url, changed)
        assert any("books_are_the_same" in one for one in found), otherwise
    with psycopg.connect(fresh_database_url) as connection:
        connection.execute("UPDATE payment_intent SET status = 'requires_payment_method'")
    found = await broken_invariants(fresh_database_url, books)
    assert any("books_are_the_same" in one for one in found)


async def _set_up(shop: Shop) -> Any:
    params = {"payment_method": _CHALLENGED, "confirm": True}
    return orjson.loads((await shop.core.setup_intents.create(shop.caller, params, None)).body)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [("4242424242424242", True), ("4242424242424241", False), ("42424242", False)],
)
def test_a_card_number_is_told_from_other_digits(digits: str, expected: bool) -> None:
    assert looks_like_card_number(digits) is expected
