"""The one door to the invariants: the list of checks, and running them over a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hazina.db.queries import load_queries
from hazina.invariants import money, provider, secrets
from hazina.invariants.check import Check, Fetch, ProviderEntry, Result, Run, Subject, When
from hazina.ledger import verify

QUERIES = Path(__file__).parent / "invariants.sql"
FILES = (QUERIES, verify.INVARIANTS, verify.QUERIES)
"""The files of named queries that a reader must have loaded."""

_SHOWN = 5
_LEDGER_LIMITS = "no_account_is_past_its_limit"
_LEDGER_ORDER = ("history_has_no_gap",)


def _rows(query: str) -> Run:
    """Make a check of a query that must find nothing."""

    async def run(subject: Subject) -> list[str]:
        found = await subject.fetch(query, {})
        shown = [", ".join(f"{k} {v}" for k, v in row.items()) for row in found[:_SHOWN]]
        further = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return shown + further

    return run


def _sql(
    invariant: str, name: str, sentence: str, *, when: When = When.ALWAYS, heavy: bool = False
) -> Check:
    return Check(invariant, name, sentence, when, _rows(f"invariant_{name}"), heavy)


def _ledger() -> Iterable[Check]:
    """Make a check of each of the ledger's own invariants."""
    for query in load_queries([verify.INVARIANTS]):
        name = query.removeprefix("invariant_")
        words = name.replace("_", " ").capitalize()
        invariant = "I2" if name == _LEDGER_LIMITS else "I3" if name in _LEDGER_ORDER else "I1"
        yield Check(invariant, name, f"Ledger: {words}.", When.ALWAYS, _rows(query), heavy=True)


async def _chains(subject: Subject) -> list[str]:
    found = await verify.verify(subject.fetch)
    return [f"slot {one.slot}, batch {one.sequence}: {one.problem}" for one in found]


_OWN = (
    _sql("I2", "captured_within_authorized_and_refunded_within_captured",
         "Captured is at most authorized, and refunded at most captured."),
    _sql("I2", "intent_amounts_are_those_of_its_charges",
         "What an intent has received and can capture is what its charges captured and hold."),
    _sql("I2", "charge_counts_its_refunds", "A charge counts exactly its refunds."),
    _sql("I2", "ledger_holds_what_charges_hold",
         "What the ledger holds for a merchant is what its charges hold."),
    Check("I3", "chains_verify", "Entries are append-only: every hash chain recomputes.",
          When.ALWAYS, _chains, heavy=True),
    Check("I4", "books_are_the_same", "The provider's books equal ours, item by item.",
          When.BOOKS, provider.books_are_the_same),
    Check("I5", "one_effect_per_command", "Each command has at most one effect at the provider.",
          When.BOOKS, provider.one_effect_per_command),
    _sql("I5", "one_authorization_per_charge", "A charge is authorized by one command."),
    _sql("I5", "one_command_per_refund", "A refund is asked for by one command."),
    _sql("I6", "answered_key_has_answer_and_object",
         "A key that was answered has its answer's bytes, and the object that it speaks of."),
    _sql("I7", "nothing_is_told_twice", "No version of an object is told twice by one event type.",
         heavy=True),
    _sql("I7", "every_end_is_told_once", "What began or ended was told by exactly one event."),
    _sql("I7", "every_version_is_told",
         "Each version of a charge or a refund was told by an event.", heavy=True),
    _sql("I7", "events_are_not_ahead_of_their_object",
         "No event tells of a version that its object has not reached.", heavy=True),
    _sql("I7", "deliveries_are_of_events", "Each webhook delivery is of an event that exists."),
    _sql("I8", "status_fits_what_happened", "A status fits amounts and open commands."),
    _sql("I8", "held_operation_is_an_open_command",
         "An intent is held by a command that is open, and by no other."),
    _sql("I8", "only_legal_transitions_were_told", "What succeeded or was canceled stays so.",
         heavy=True),
    _sql("I8", "versions_never_go_back", "The versions that clients are told of never go back.",
         heavy=True),
    _sql("I9", "unknown_is_not_booked_as_failed", "What is not yet known is not booked as failed."),
    _sql("I9", "known_outcome_is_booked", "A command is done only with its outcome booked."),
    Check("I9", "failed_leaves_no_effect", "Nothing that failed here took effect at the provider.",
          When.BOOKS, provider.failed_leaves_no_effect),
    _sql("I10", "lines_come_to_captured_less_refunded",
         "The lines about a charge come to what was captured less what was refunded."),
    Check("I10", "customer_debits_equal_merchant_credits_and_fees",
          "Per currency, what customers paid is what merchants have and what we earned.",
          When.ALWAYS, money.customer_debits_equal_merchant_credits_and_fees),
    _sql("I11", "references_stay_within_the_merchant",
         "No object names another merchant's object."),
    _sql("I11", "accounts_belong_to_merchants", "Every owned account is an existing merchant's."),
    Check("I12", "no_card_number_is_kept", "Nothing that is kept looks like a card number.",
          When.ALWAYS, secrets.no_card_number_is_kept, heavy=True),
    _sql("I13", "nothing_is_left_open", "Everything that began has found its end.",
         when=When.SETTLED),
    Check("I14", "privileged_actions_are_audited",
          "Privileged actions have audit rows. No flow has any yet: nothing to check.",
          When.ELSEWHERE),
    Check("I15", "same_seed_same_trace",
          "The same seed makes the same trace. The simulation's tests prove it; a database cannot.",
          When.ELSEWHERE),
    _sql("I16", "money_comes_on_its_day",
         "Money becomes available on the day that the rules give; no provider has cut-offs yet."),
)  # fmt: skip

CHECKS: Sequence[Check] = tuple(sorted((*_OWN, *_ledger()), key=lambda check: check.order))


async def run(
    fetch: Fetch,
    *,
    settled: bool = False,
    books: Sequence[ProviderEntry] | None = None,
    heavy: bool = True,
) -> list[Result]:
    """Run every check that applies, in order.

    `settled` says that nothing is under way, `books` are the provider's as of then; without
    `heavy` what reads everything that was ever booked or told is left out.
    """
    subject = Subject(fetch, books or ())
    results = []
    for check in CHECKS:
        reason = _reason(check, settled, books is not None, heavy)
        if reason is not None or check.run is None:
            results.append(Result(check, skipped=reason))
            continue
        results.append(Result(check, tuple(await check.run(subject))))
    return results


def _reason(check: Check, settled: bool, has_books: bool, heavy: bool) -> str | None:
    """Return why a check does not apply now, None if it does."""
    if check.when is When.ELSEWHERE:
        return check.sentence
    if check.when is When.SETTLED and not settled:
        return "work is under way"
    if check.when is When.BOOKS and not (settled and has_books):
        return "needs the provider's books and nothing under way"
    if check.heavy and not heavy:
        return "reads everything: not asked for"
    return None
