"""What must be true when all is quiet: our rows, the provider's books and what clients read agree.

The facts are rows as the tables hold them, so that the same checks judge a run in memory and one on
PostgreSQL. Each check is named after what it demands; `Broken` says what is not so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from hazina.payments.intent import LEGAL, IntentStatus
from tests.simulation.client import Broken, Promise

Rows = Sequence[Mapping[str, Any]]
_PENDING_FLAG, _NOT_POSTED = 2, 65_546
_MERCHANT_CODES = (2001, 2002)
_ONCE = frozenset(
    {"payment_intent.created", "payment_intent.succeeded", "payment_intent.canceled",
     "charge.succeeded", "charge.failed", "refund.created", "refund.failed",
     "setup_intent.created", "setup_intent.succeeded"}
)  # fmt: skip
_FEE_BASIS_POINTS = 290
_FUNDS_DELAY = timedelta(days=2)
_SKEW = timedelta(minutes=30)
_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


@dataclass(frozen=True, slots=True)
class Effect:
    """One operation in the provider's books."""

    reference: str
    id: str
    kind: str
    amount: int
    state: str
    voided: bool
    captured: int
    refunded: int
    incremented: int

    @property
    def stands(self) -> bool:
        """Whether the provider did it and has not taken it back by failing."""
        return self.state in ("approved", "pending")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is looked at."""

    tables: Mapping[str, Rows]
    effects: Mapping[str, Effect]
    asked: Sequence[tuple[str, str]]
    """What the provider was asked, in order: `operate` or `inquire`, and the reference."""
    promises: Sequence[Promise]
    heard: frozenset[str] | None
    """The events that merchants were told of; None where nobody listens."""
    now: datetime
    days: int = 0
    """How many days passed after all was quiet, with the workers at work on each."""

    def by_id(self, table: str) -> dict[str, Mapping[str, Any]]:
        """Return a table's rows by their ids."""
        return {row["id"]: row for row in self.tables[table]}


def demand(holds: bool, broken: str, *about: object) -> None:
    """Raise `Broken` unless something holds."""
    if not holds:
        raise Broken(f"{broken}: " + ", ".join(map(str, about)))


def check(facts: Facts) -> None:
    """Demand everything. Raises `Broken`."""
    for one in CHECKS:
        one(facts)


def nothing_is_left_open(facts: Facts) -> None:
    """No operation without an outcome, except where a customer has yet to act (I13)."""
    for table in ("payment_intent", "setup_intent"):
        for row in facts.tables[table]:
            status, operation = row["status"], row["operation"]
            demand(status != "processing", "nobody knows what became of", row)
            demand(operation is None or status == "requires_action", "an open operation", row)
    for row in facts.tables["refund"]:
        demand(row["status"] in ("succeeded", "failed"), "a refund is pending", row)
    for row in facts.tables["inbox"]:
        demand(row["state"] == "applied", "a callback was not applied", row)
    for row in facts.tables["charge"]:
        demand(not row["amount_refund_reserved"], "an amount stays reserved", row)


def nothing_is_sent_twice_without_asking(facts: Facts) -> None:
    """What may have arrived is asked about before it is sent again (I5)."""
    last: dict[str, str] = {}
    for what, reference in facts.asked:
        again = what == "operate" and last.get(reference) == "operate"
        demand(not again, "sent again without asking", reference)
        last[reference] = what


def the_providers_books_are_ours(facts: Facts) -> None:
    """Each charge is what the provider holds of it: whether it stands, every amount (I4, I9)."""
    commands, intents = facts.by_id("command"), facts.by_id("payment_intent")
    unknown = facts.effects.keys() - commands.keys()
    demand(not unknown, "the provider did what we have no command for", unknown)
    untold = _failed_untold(facts)
    for charge in facts.tables["charge"]:
        effect = facts.effects.get(charge["authorize_command"])
        intent = intents[charge["payment_intent"]]
        if effect is None:
            demand(charge["status"] == "failed", "nothing was asked for", charge)
            continue
        if effect.voided:
            demand(intent["status"] == "canceled", "voided and not canceled", intent, effect)
        elif effect.state == "action_required":
            demand(intent["status"] == "requires_action", "waits unseen", intent, effect)
        else:
            stands = charge["status"] == "succeeded"
            demand(stands == effect.stands, "another outcome at the provider", charge, effect)
            ended = stands and intent["status"] == "canceled"
            demand(not ended, "canceled, and not voided at the provider", intent, effect)
        if charge["status"] != "succeeded":
            continue
        held = effect.amount + effect.incremented
        demand(charge["amount"] == held, "another amount is authorized", charge, effect)
        demand(charge["amount_captured"] == effect.captured <= held, "captured", charge, effect)
        given_back = charge["amount_refunded"] - untold[charge["id"]]
        demand(given_back == effect.refunded <= effect.captured, "refunded", charge, effect)


def refunds_are_as_the_provider_has_them(facts: Facts) -> None:
    """A refund succeeded exactly if the provider gave the money back (I4)."""
    references = {row["refund"]: row["id"] for row in facts.tables["command"] if row["refund"]}
    untold = _failed_untold(facts)
    for refund in facts.tables["refund"]:
        if refund["id"] in untold:
            continue
        effect = facts.effects.get(references[refund["id"]])
        stands = effect is not None and effect.stands
        demand((refund["status"] == "succeeded") == stands, "a refund differs", refund, effect)
        demand(effect is None or effect.amount == refund["amount"], "amounts", refund, effect)


def _failed_untold(facts: Facts) -> Counter[str]:
    """Return refunds that failed late at the provider, which never got through to say so.

    Nothing of ours can know: the settlement file will tell. By refund, and by charge.
    """
    told = {row["deduplication_key"] for row in facts.tables["inbox"]}
    untold: Counter[str] = Counter()
    refunds = facts.by_id("refund")
    for row in facts.tables["command"]:
        effect = facts.effects.get(row["id"])
        if not row["refund"] or effect is None or effect.state != "failed":
            continue
        refund = refunds[row["refund"]]
        if f"cb_{effect.id}_failed" not in told and refund["status"] == "succeeded":
            untold[refund["id"]] += refund["amount"]
            untold[refund["charge"]] += refund["amount"]
    return untold


def one_key_has_one_effect(facts: Facts) -> None:
    """However often and wherever a request was sent, it made one thing (I5)."""
    made = Counter(
        row["metadata"]["step"]
        for table in ("payment_intent", "refund")
        for row in facts.tables[table]
        if "step" in row["metadata"]
    )
    for promise in facts.promises:
        key, answer = promise.request.idempotency_key, promise.answer
        if "metadata[step]" not in promise.request.fields or answer is None:
            continue
        found = made[key]
        demand(found <= 1 and (found == 1 or answer.status != 200), f"{found} made for", promise)
    captures = Counter(
        facts_of["payment_intent"]
        for reference, facts_of in facts.by_id("command").items()
        if facts_of["operation"] == "capture"
        and (effect := facts.effects.get(reference)) is not None
        and effect.stands
    )
    asked = Counter(
        promise.request.path.split("/")[3]
        for promise in facts.promises
        if promise.verb == "capture"
    )
    for intent in facts.tables["payment_intent"]:
        if not intent["hidden"]:
            demand(captures[intent["id"]] <= asked[intent["id"]], "captured too often", intent)


def what_was_acknowledged_is_so(facts: Facts) -> None:
    """What a client read stays true: what ended keeps its end, what failed took nothing (I6)."""
    rows = {
        kind: facts.by_id(kind) for kind in ("payment_intent", "charge", "refund", "setup_intent")
    }
    for promise in facts.promises:
        if promise.answer is None or promise.verb == "customer":
            continue
        body = promise.body
        if promise.answer.status != 200:
            charge = rows["charge"].get(body["error"].get("charge", ""))
            declined = charge is None or charge["status"] == "failed"
            fits = promise.verb not in ("create", "confirm", "charge") or declined
            demand(fits, "a charge was refused and stands", charge, body)
            if promise.verb == "increment":
                made = _increments(facts, promise)
                demand(_wanted(promise) not in made, "an increment was refused and made", promise)
            continue
        row = rows[body["object"]].get(body["id"])
        demand(row is not None, "acknowledged and not there", body)
        assert row is not None
        if body["object"] != "refund" and body["status"] in ("succeeded", "canceled"):
            demand(row["status"] == body["status"], "acknowledged otherwise", row, body)
        known = body.get("status") != "processing" and promise.verb != "capture_charge"
        if known and "amount" in promise.request.fields:
            allowed = [_wanted(promise)]
            if promise.verb == "increment":
                # A retry of a process that died reads the object as it is by then: grown as was
                # asked, or further by an increment after this one.
                made = _increments(facts, promise)
                demand(allowed[0] in made, "an increment was acknowledged and not made", promise)
                allowed = made[made.index(allowed[0]) :]
            demand(body["amount"] in allowed, "another amount than was asked for", promise)
        if body["object"] == "payment_intent":
            received = body["amount_received"]
            demand(received <= row["amount_received"], "money acknowledged and gone", row, body)


def _wanted(promise: Promise) -> int:
    return int(promise.request.fields["amount"])


def _increments(facts: Facts, promise: Promise) -> list[int]:
    """Return what increments of the promise's payment made of its authorization, one by one."""
    intent = promise.request.path.split("/")[3]
    total = sum(
        facts.effects[charge["authorize_command"]].amount
        for charge in facts.tables["charge"]
        if charge["payment_intent"] == intent and charge["status"] == "succeeded"
    )
    totals = []
    for command in sorted(facts.tables["command"], key=lambda row: row["id"]):
        effect = facts.effects.get(command["id"])
        mine = command["payment_intent"] == intent and command["operation"] == "increment"
        if mine and effect is not None and effect.stands:
            total += effect.amount
            totals.append(total)
    return totals


def the_ledger_balances(facts: Facts) -> None:
    """Every balance is the sum of its transfers, and its last line; limits hold (I1, I2)."""
    sums: dict[Any, Counter[str]] = defaultdict(Counter)
    resolved = {row["pending_id"] for row in facts.tables["transfer"] if row["pending_id"]}
    for transfer in facts.tables["transfer"]:
        if transfer["flags"] & _NOT_POSTED == 0:
            kind = "posted"
        elif transfer["flags"] & _PENDING_FLAG and transfer["id"] not in resolved:
            kind = "pending"
        else:
            continue
        sums[transfer["debit_account_id"]][f"debits_{kind}"] += transfer["amount"]
        sums[transfer["credit_account_id"]][f"credits_{kind}"] += transfer["amount"]
    lines: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for line in facts.tables["account_history"]:
        lines[line["account_id"]].append(line)
    for account in facts.tables["account"]:
        balances = {name: account[name] for name in _BALANCES}
        booked = {name: sums[account["id"]][name] for name in _BALANCES}
        demand(balances == booked, "a balance is not the sum of its transfers", account, booked)
        numbers = sorted(line["line"] for line in lines[account["id"]])
        demand(numbers == list(range(1, account["lines"] + 1)), "history has gaps", account)
        if numbers:
            last = max(lines[account["id"]], key=lambda line: line["line"])
            fits = all(last[name] == account[name] for name in _BALANCES)
            demand(fits, "a balance is not its last line", account, last)
        if account["code"] in _MERCHANT_CODES:
            spent = account["debits_pending"] + account["debits_posted"]
            limit = account["credits_posted"] + account["overdraft"]
            demand(spent <= limit, "an account is below its limit", account)


def merchants_have_what_was_paid(facts: Facts) -> None:
    """Lines of the balance come to captured less refunded, and the ledger to the lines (I10)."""
    sums: Counter[str] = Counter()
    owed: Counter[Any] = Counter()
    for line in facts.tables["balance_transaction"]:
        sums[line["source"]] += line["amount"]
        owed[line["merchant_id"]] += line["amount"] - line["fee"]
    for charge in facts.tables["charge"]:
        taken = charge["amount_captured"]
        demand(sums.pop(charge["id"], 0) == taken, "lines of a charge", charge)
    for refund in facts.tables["refund"]:
        wanted = -refund["amount"] if refund["status"] == "succeeded" else 0
        demand(sums.pop(refund["id"], 0) == wanted, "lines of a refund", refund)
    demand(not any(sums.values()), "lines about nothing", dict(sums))
    held: Counter[Any] = Counter()
    for account in facts.tables["account"]:
        if account["code"] in _MERCHANT_CODES and account["owner"]:
            held[account["owner"]] += account["credits_posted"] - account["debits_posted"]
            held[account["owner"], "pending"] += account["credits_pending"]
    open_amounts: Counter[Any] = Counter()
    for charge in facts.tables["charge"]:
        if charge["hold"] is not None or charge["status"] == "open":
            rest = charge["amount"] - charge["amount_captured"]
            open_amounts[charge["merchant_id"], "pending"] += rest
    owed.update(open_amounts)
    same = all(held[key] == owed[key] for key in held.keys() | owed.keys())
    demand(same, "balances", held, owed)


def money_comes_on_its_day(facts: Facts) -> None:
    """Fees are rounded half up from whole numbers; nothing is available early, or late (I16)."""
    for line in facts.tables["balance_transaction"]:
        if line["type"] != "charge":
            continue
        fee = (line["amount"] * _FEE_BASIS_POINTS + 5_000) // 10_000
        demand(line["fee"] == fee, f"the fee is not {fee}", line)
        early = line["available_on"] < line["created"] + _FUNDS_DELAY
        demand(not early, "available too early", line)
    for charge in facts.tables["charge"]:
        day, hold = charge["available_on"], charge["capture_before"]
        if charge["funds"] == "available":
            demand(day <= facts.now + _SKEW, "released before its day", charge)
        elif facts.days and day is not None and charge["hold"] is None:
            demand(day > facts.now - _SKEW, "not released on its day", charge)
        if facts.days and charge["hold"] is not None:
            demand(hold > facts.now - _SKEW, "not voided on its day", charge)


def every_change_has_one_event(facts: Facts) -> None:
    """No gap, no double; what happens once is told once; in a legal order (I7)."""
    objects = {
        row["id"]: row
        for table in ("payment_intent", "charge", "refund", "setup_intent")
        for row in facts.tables[table]
    }
    updated = {
        promise.request.path.split("/")[3] for promise in facts.promises if promise.verb == "update"
    }
    events: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    told: Counter[Any] = Counter()
    for event in sorted(facts.tables["event"], key=lambda row: (row["sequence"], row["id"])):
        if event["object_id"] == "balance":
            continue
        events[event["object_id"]].append(event)
        told[event["object_id"], event["type"], event["sequence"]] += 1
        if event["type"] in _ONCE:
            told[event["object_id"], event["type"]] += 1
    twice = [key for key, count in told.items() if count > 1]
    demand(not twice, "told twice", twice)
    for identifier, row in objects.items():
        if row.get("hidden") or row["revision"] == 0:
            continue
        sequences = {event["sequence"] for event in events[identifier]}
        whole = set(range(1, row["revision"] + 1))
        quiet = identifier in updated or row["id"].startswith("seti_")
        demand(sequences <= whole if quiet else sequences == whole, "sequence", row, sequences)
        _check_story(row, events[identifier])


def _check_story(row: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> None:
    """Demand that an object's events tell a legal story that ends where the object is."""
    status: str | None = None
    for event in events:
        shown = orjson.loads(event["body"])["data"]["object"]
        now = shown.get("status")
        if shown["object"] == "payment_intent" and status is not None and now != status:
            legal = IntentStatus(now) in LEGAL[IntentStatus(status)]
            demand(legal, f"{status} became {now}", row["id"])
        status = now
        if event["sequence"] == row["revision"] and shown["object"] != "charge":
            demand(now == row["status"], "the last event shows another status", row, now)


def every_event_was_heard(facts: Facts) -> None:
    """Each event reached the endpoint that listens (I7)."""
    if facts.heard is None:
        return
    unheard = [row["id"] for row in facts.tables["event"] if row["id"] not in facts.heard]
    demand(not unheard, "merchants were never told", unheard)


CHECKS = (
    nothing_is_left_open,
    nothing_is_sent_twice_without_asking,
    the_providers_books_are_ours,
    refunds_are_as_the_provider_has_them,
    one_key_has_one_effect,
    what_was_acknowledged_is_so,
    the_ledger_balances,
    merchants_have_what_was_paid,
    money_comes_on_its_day,
    every_change_has_one_event,
    every_event_was_heard,
)
