"""What a seed decides beforehand: the merchants' histories, and the trouble on their way.

A plan is plain data, so that parts of a failing one can be left out (`shrink.py`), and so that the
same plan can be carried out by real processes on PostgreSQL (`played/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from tests.simulation.network import FATES

MERCHANTS = 2
PROCESSES = 2
CARDS = ("pm_card_visa",) * 10 + (
    "pm_card_mastercard", "pm_card_visa_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclined", "pm_card_authenticationRequired", "pm_card_pendingRefund",
    "pm_card_refundFail", "pm_card_threeDSecureRequiredChargeDeclined",
)  # fmt: skip
CURRENCIES = ("usd", "kes", "jpy", "kwd")
_FAULTS = (
    "slow", "timeout_before_effect", "timeout_after_effect", "error_before", "error_after",
    "reset_mid_body", "truncated_body", "ok_with_error_inside", "duplicate_callback",
    "callback_before_reply", "contradictory_callback", "no_callback", "not_found_then_success",
    "answer_after_deadline", "decline", "4xx", "pending", "wrong_amount_echoed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client asks for, under one key."""

    verb: str
    fields: Mapping[str, str] = field(default_factory=dict)
    wait_ms: int = 0
    """How long the client waits before it."""
    copies: int = 1
    """So many times the same request is sent at once, to processes as they come."""
    together: bool = False
    """Sent without waiting for the answer to the step before."""


@dataclass(frozen=True, slots=True)
class Story:
    """What one customer's purchase is about, from one merchant's side."""

    merchant: int
    steps: tuple[Step, ...]
    start_ms: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that happens to a process: killed, or away for a while."""

    at_ms: int
    what: str
    process: int = 0
    lasts_ms: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a seed decides, except the order of what happens at once."""

    seed: int
    stories: tuple[Story, ...]
    troubles: tuple[Trouble, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    database_troubled: float = 0.0
    skews_ms: tuple[int, ...] = (0,) * PROCESSES
    webhooks: bool = False
    days: int = 0
    """How many days pass at the end: funds are released, authorizations run out."""


def plan_of(seed: int) -> Plan:
    """Return what a seed decides."""
    chance = Random(seed)
    calm = chance.random() < 0.15
    stories = tuple(_story(chance, calm) for _ in range(chance.randint(2, 5)))
    troubles = () if calm else tuple(_trouble(chance) for _ in range(chance.randint(0, 4)))
    stormy = not calm and chance.random() < 0.7
    rates = dict.fromkeys(FATES, 0.0)
    if stormy:
        rates = {fate: chance.random() * 0.08 for fate in FATES}
    skewed = chance.random() < 0.2
    skews = tuple(chance.randint(-600_000, 600_000) if skewed else 0 for _ in range(PROCESSES))
    return Plan(
        seed, stories, troubles, rates, 0.0 if calm else chance.choice((0.0, 0.0, 0.05)), skews,
        webhooks=chance.random() < 0.2, days=chance.choice((0, 0, 3, 8)),
    )  # fmt: skip


def _trouble(chance: Random) -> Trouble:
    what = chance.choice(("kill", "kill", "kill", "kill_both", "kill_provider"))
    return Trouble(
        chance.randint(0, 30_000), what, chance.randrange(PROCESSES), chance.randint(100, 40_000)
    )


def _story(chance: Random, calm: bool) -> Story:
    kinds = (_automatic, _automatic, _manual, _manual, _in_parts, _two_steps, _legacy, _kept_card)
    steps = chance.choice(kinds)(chance)
    if not calm:
        steps = [_disturbed(chance, step) for step in steps]
    return Story(chance.randrange(MERCHANTS), tuple(steps), chance.randint(0, 10_000))


def _disturbed(chance: Random, step: Step) -> Step:
    fields = dict(step.fields)
    at = {"create": "authorize", "confirm": "authorize", "charge": "authorize", "setup": "verify",
          "refund": "refund"}.get(step.verb)  # fmt: skip
    if at is not None and chance.random() < 0.35:
        later = chance.choice((at, at, "capture", "void", "increment", "refund"))
        words = [f"{chance.choice(_FAULTS)}@{later}"]
        if chance.random() < 0.2:
            words.append(f"{chance.choice(_FAULTS)}@{at}")
        fields["metadata[sandbox_fault]"] = ",".join(words)
    copies = chance.choice((1, 1, 1, 1, 2, 3))
    return Step(step.verb, fields, step.wait_ms, copies, step.together)


def _create(chance: Random, **more: str) -> Step:
    amount, currency = chance.choice((100, 500, 999, 5_000, 123_450)), chance.choice(CURRENCIES)
    if currency == "kwd":
        amount -= amount % 10  # Cards do not carry its third decimal.
    fields = {
        "amount": str(amount), "currency": currency, "payment_method": chance.choice(CARDS),
        "confirm": "true", "payment_method_types[]": "card",
        "return_url": "https://shop.invalid/back",
    }  # fmt: skip
    return Step("create", {name: value for name, value in (fields | more).items() if value})


def _later(chance: Random, verb: str, **fields: str) -> Step:
    wait_ms = chance.choice((0, 50, 1_000, 10_000))
    return Step(verb, fields, wait_ms, together=chance.random() < 0.15)


def _refunds(chance: Random) -> list[Step]:
    parts = chance.choice(((), ("",), ("40",), ("40", "60"), ("90", "90"), ("", "")))
    return [_later(chance, "refund", **({"amount": part} if part else {})) for part in parts]


def _automatic(chance: Random) -> list[Step]:
    return [_create(chance), *_ends(chance), *_refunds(chance)]


def _ends(chance: Random) -> list[Step]:
    """Answer the bank's question, where it asks one; else nothing happens."""
    result = chance.choice(("complete", "complete", "fail", ""))
    asked = [Step("authenticate", {"result": result}, 1_000)] if result else []
    return [*asked, _later(chance, "cancel")] if chance.random() < 0.15 else asked


def _manual(chance: Random) -> list[Step]:
    steps = [_create(chance, capture_method="manual"), *_ends(chance)]
    match chance.randrange(6):
        case 0:
            steps.append(_later(chance, "cancel"))
        case 1:
            steps.append(_later(chance, "capture", amount_to_capture="60"))
        case 2:
            steps += [_later(chance, "capture"), _later(chance, "cancel")]
        case 3:
            steps += [_later(chance, "cancel"), _later(chance, "capture")]
        case 4:
            return steps  # Left alone, until it runs out.
        case _:
            steps.append(_later(chance, "capture"))
    return [*steps, *_refunds(chance)]


def _in_parts(chance: Random) -> list[Step]:
    option = chance.choice(("request_multicapture", "request_incremental_authorization"))
    named = {f"payment_method_options[card][{option}]": "if_available"}
    steps = [_create(chance, capture_method="manual", amount="5000", **named)]
    if option == "request_incremental_authorization":
        steps.append(_later(chance, "increment", amount="6000"))
        if chance.random() < 0.3:
            steps.append(_later(chance, "increment", amount="7000"))
        steps.append(_later(chance, "capture"))
    else:
        part = {"amount_to_capture": "2000", "final_capture": "false"}
        steps += [_later(chance, "capture", **part) for _ in range(chance.randint(1, 2))]
        steps.append(_later(chance, chance.choice(("capture", "cancel"))))
    return [*steps, *_refunds(chance)]


def _two_steps(chance: Random) -> list[Step]:
    create = _create(chance, confirm="")
    steps = [Step("create", create.fields)]
    if chance.random() < 0.3:
        steps.append(_later(chance, "update", amount="1700"))
    steps.append(Step("confirm", {}, 100))
    if chance.random() < 0.3:
        steps.append(Step("confirm", {}, 0, together=True))
    if chance.random() < 0.2:
        steps.append(Step("cancel", {}, 0, together=True))
    return [*steps, *_ends(chance), *_refunds(chance)]


def _legacy(chance: Random) -> list[Step]:
    fields = {"amount": "5000", "currency": chance.choice(CURRENCIES), "source": "tok_visa"}
    if chance.random() < 0.5:
        return [Step("charge", fields), *_refunds(chance)]
    capture = {"amount": "2000"} if chance.random() < 0.5 else {}
    charge = Step("charge", fields | {"capture": "false"})
    return [charge, _later(chance, "capture_charge", **capture), *_refunds(chance)]


def _kept_card(chance: Random) -> list[Step]:
    cards = ("pm_card_visa", "pm_card_authenticationRequired", "pm_card_chargeDeclined")
    setup = Step("setup", {"payment_method": chance.choice(cards), "confirm": "true",
                           "payment_method_types[]": "card",
                           "return_url": "https://shop.invalid/back"})  # fmt: skip
    steps = [Step("customer", {"email": "a@shop.invalid"}), setup, *_ends(chance)]
    pay = _create(chance, payment_method="", off_session="true")
    return [*steps, Step("pay_kept", pay.fields, 1_000), *_refunds(chance)]
