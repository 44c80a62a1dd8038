"""Plausible mistakes that histories on virtual time must notice: in a thousand seeds at most."""

from __future__ import annotations

from tests.faults.seeded.edit import Bug, Edit, Simulation

_SIMULATION = Simulation()
_CAPTURING = "payments/capturing.py"
_CALLBACKS = "dispatch/callbacks.py"
_DELIVERIES = "webhooks/deliveries.py"
_FANNING = "webhooks/fanning.py"
_DISPATCH = "dispatch/service.py"
_IDEMPOTENCY = "idempotency/service.py"
_MAPPING = "connectors/sandbox/mapping.py"
_OPERATIONS = "payments/operations.py"
_OUTCOMES = "payments/outcomes.py"
_REFUNDING = "payments/refunding.py"
_HOLDS = "payments/holds.py"


def _bug(name: str, *edits: tuple[str, str, str]) -> Bug:
    return Bug(name, _SIMULATION, tuple(Edit(*edit) for edit in edits))


SIMULATED_BUGS = (
    # The unit of work
    _bug(
        "version_check_removed",
        (
            "db/judging.py",
            "            if self._versions.get((row.table, row.key)) != row.version:\n",
            "            if (row.table, row.key) not in self._versions:\n",
        ),
    ),
    _bug(
        "stale_decision_sent_again_without_loading",
        (
            "db/writer.py",
            "    for _ in range(1 + _STALE_RETRIES_MAX):\n"
            "        decision = decide(await load())\n",
            "    loaded = await load()\n"
            "    for _ in range(1 + _STALE_RETRIES_MAX):\n"
            "        decision = decide(loaded)\n",
        ),
    ),
    _bug(
        "second_claim_of_a_key_taken_for_ours",
        (
            "db/judging.py",
            "            if place in self._held or place not in self._won:\n",
            "            if place in self._held:\n",
        ),
    ),
    # Keys
    _bug(
        "refund_without_its_key",
        (
            _OPERATIONS,
            "            draft.claims.extend(\n"
            "                keys.claim(idempotency, made.command.id,",
            "            draft.claims.extend(\n"
            "                keys.claim(None if made.refund else idempotency, made.command.id,",
        ),
        (
            _OPERATIONS,
            "        held = Held(idempotency, 1) if idempotency else None\n",
            "        held = None\n"
            "        if idempotency and begin.subject.refund is None:\n"
            "            held = Held(idempotency, 1)\n",
        ),
    ),
    _bug(
        "parameters_of_a_used_key_not_compared",
        (
            _IDEMPOTENCY,
            '        if bytes(row["digest"]) != request.digest:\n',
            '        if bytes(row["digest"])[:0] != request.digest[:0]:\n',
        ),
    ),
    _bug(
        "refusal_forgotten_when_its_key_is_taken_over",
        (
            _OUTCOMES,
            "    if subject.command.state is State.DONE:\n"
            "        return Effect(subject, _refused(draft, subject))\n",
            "    if subject.command.state is State.DONE:\n        return Effect(subject)\n",
        ),
    ),
    # What a provider's answer means
    _bug(
        "timeout_taken_for_not_sent",
        (
            "connectors/sandbox/client.py",
            '            return Unknown(mapping.scrubbed(str(failure)), "no_answer")\n'
            "        return mapping.outcome(",
            "            return NotSent(mapping.scrubbed(str(failure)))\n"
            "        return mapping.outcome(",
        ),
    ),
    _bug(
        "server_error_taken_for_a_decline",
        (
            _MAPPING,
            "    if known is None or not 400 <= status < 500:\n",
            '    known = known or REFUSED_BEFORE_EFFECT["invalid_request"]\n'
            "    if status < 400:\n",
        ),
    ),
    _bug(
        "exponent_wrong_for_currencies_without_decimals",
        (
            _MAPPING,
            '        "amount": request.amount_minor,\n',
            '        "amount": request.amount_minor * (100 if request.currency == "jpy" else 1),\n',
        ),
    ),
    _bug(
        "echoed_amount_not_compared_and_booked",
        (
            _MAPPING,
            '    if content.get("amount") != request.amount_minor:\n',
            '    if type(content.get("amount")) is not int:\n',
        ),
        (
            _CAPTURING,
            '    amount, final = command.request["amount_minor"], '
            'command.request.get("final", True)\n'
            "    charge_now = captured(",
            '    amount, final = given.amount_minor, command.request.get("final", True)\n'
            "    charge_now = captured(",
        ),
        (
            _CAPTURING,
            "_captured(draft, subject))\n",
            "_captured(draft, subject, outcome))\n",
        ),
        (
            _CAPTURING,
            "def _captured(draft: Draft, subject: Subject) -> Effect:\n",
            "def _captured(draft: Draft, subject: Subject, given: Approved) -> Effect:\n",
        ),
    ),
    # Inquiries and callbacks
    _bug(
        "callback_taken_for_the_truth",
        (
            _CALLBACKS,
            "            connector.read_callback(",
            "            callback = connector.read_callback(",
        ),
        (
            _CALLBACKS,
            "        outcome = await self._ask(command)\n",
            "        outcome: InquiryOutcome = callback.outcome\n",
        ),
    ),
    _bug(
        "callback_dropped_when_the_provider_is_away",
        (
            _CALLBACKS,
            "        if isinstance(outcome, Unknown):\n",
            "        if isinstance(outcome, Unknown) and command.state is None:\n",
        ),
    ),
    _bug(
        "late_reply_taken_for_never_sent",
        (
            _DISPATCH,
            "        self._tasks.spawn(self._report_late(command, call), "
            'f"late reply {command.id}")\n'
            '        return Performed(Unknown("no answer within the deadline"), next_ms, '
            "Door.DEADLINE)\n",
            '        return Performed(NotSent("no answer within the deadline"), next_ms, '
            "Door.DEADLINE)\n",
        ),
    ),
    _bug(
        "inquiry_that_finds_nothing_ends_a_debt",
        (
            _CAPTURING,
            "        case NotSent() | NotFound():\n"
            "            draft.settle(owed(command, next_ms, outcome))\n"
            "            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)\n"
            "        case Pending() | Unknown() | ActionRequired():\n"
            "            draft.settle(waiting(command, next_ms, evidence(outcome)))\n"
            "            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)\n"
            "        case _ as never:\n"
            "            assert_never(never)\n\n\n"
            "def _captured",
            "        case NotSent() | NotFound():\n"
            "            draft.settle(settled(command))\n"
            "            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)\n"
            "        case Pending() | Unknown() | ActionRequired():\n"
            "            draft.settle(waiting(command, next_ms, evidence(outcome)))\n"
            "            return processing(draft, subject, Unknown(evidence(outcome)), next_ms)\n"
            "        case _ as never:\n"
            "            assert_never(never)\n\n\n"
            "def _captured",
        ),
        (
            _CAPTURING,
            "from hazina.commands.command import waiting\n",
            "from hazina.commands.command import settled, waiting\n",
        ),
    ),
    # Money
    _bug(
        "fee_rounded_as_a_float",
        (
            "money/rounding.py",
            "    return (amount_minor * basis_points + 5_000) // 10_000\n",
            "    return round(amount_minor * basis_points / 10_000)\n",
        ),
    ),
    _bug(
        "day_of_release_counted_from_the_start_of_the_day",
        (
            _CAPTURING,
            "    last = draft.now if final else max(charge.capture_before or draft.now, "
            "draft.now)\n",
            "    last = draft.now if final else max(charge.capture_before or draft.now, "
            "draft.now)\n"
            "    last = last.replace(hour=0, minute=0, second=0)\n",
        ),
    ),
    _bug(
        "increment_asked_for_as_the_new_total",
        (_HOLDS, "    added = amount - intent.amount\n", "    added = amount\n"),
    ),
    _bug(
        "late_failure_of_a_refund_passed_over",
        (_REFUNDING, "    if not late_failure:\n", "    if late_failure is not None:\n"),
    ),
    _bug(
        "late_failure_of_a_refund_given_back_again",
        (
            _REFUNDING,
            "        refund is not None and isinstance(outcome, Declined) "
            'and refund.status == "succeeded"\n',
            "        refund is not None and isinstance(outcome, Declined)\n",
        ),
    ),
    _bug(
        "line_of_a_failed_refund_with_the_wrong_sign",
        (
            _REFUNDING,
            '    line_id = _line(draft, charge, refund, "refund_failure", refund.amount)\n',
            '    line_id = _line(draft, charge, refund, "refund_failure", -refund.amount)\n',
        ),
    ),
    _bug(
        "every_capture_taken_for_the_last",
        (
            _CAPTURING,
            "    charge_now = captured(draft, charge, amount, command.id, final=final)\n",
            "    charge_now = captured(draft, charge, amount, command.id)\n",
        ),
    ),
    # States
    _bug(
        "payment_read_from_a_cache",
        (
            "payments/store.py",
            '        row = await self._reader.get("payment_intent", (merchant_id, intent_id))\n'
            '        if row is None or row["hidden"]:\n',
            "        if not hasattr(Payments, 'cache'):\n"
            "            Payments.cache = {}\n"
            "        key = (id(self), merchant_id, intent_id)\n"
            "        if key not in Payments.cache:\n"
            "            Payments.cache[key] = await self._reader.get(\n"
            '                "payment_intent", (merchant_id, intent_id)\n'
            "            )\n"
            "        row = Payments.cache[key]\n"
            '        if row is None or row["hidden"]:\n',
        ),
    ),
    # Events and webhooks
    _bug(
        "event_numbered_by_the_row_and_not_by_what_is_seen",
        ("payments/draft.py", "                sequence=new.revision,\n",
         "                sequence=new.version + 1,\n"),
    ),
    _bug(
        "cursor_moved_before_the_deliveries_are_made",
        (
            _FANNING,
            "        self._anybody, _ = "
            "await asyncio.gather(self.make(events), self._catch_up())\n",
            "        self._reached = events[-1].cursor\n"
            "        await self._catch_up()\n"
            "        self._anybody = await self.make(events)\n",
        ),
    ),
    _bug(
        "webhook_answered_with_an_error_taken_for_delivered",
        (
            "webhooks/delivery.py",
            "        return self.status is not None and 200 <= self.status < 300\n",
            "        return self.status is not None\n",
        ),
    ),
    _bug(
        "webhook_not_tried_again_after_its_lease",
        (
            _DELIVERIES,
            '"next_at": lease_ms, "sending": True,\n',
            '"next_at": lease_ms, "sending": True, "state": "failed",\n',
        ),
    ),
)  # fmt: skip
