"""Plausible mistakes, each a few changed lines, that the fault tests must catch.

A new one is one entry: what to replace where (the text must occur exactly once), and the smallest
run that catches it. `python -m pytest tests/faults/test_seeded_bugs.py -k NAME` with
HAZINA_FAULTS=whole applies it to a copy of the product and demands that the run fails.
"""

from __future__ import annotations

from tests.faults.seeded.edit import Bug, Edit, Matrix, Test

_OPERATIONS = "payments/operations.py"
_OUTCOMES = "payments/outcomes.py"
_DISPATCH = "dispatch/service.py"
_CAPTURING = "payments/capturing.py"
_REFUNDING = "payments/refunding.py"
_IDEMPOTENCY = "idempotency/service.py"

BUGS = (
    Bug(
        "sent_before_the_intent_to_send_is_committed",
        Matrix("payments.before_first_unit-create-ok"),
        (
            Edit(
                _OPERATIONS,
                '        crashpoint("payments.before_first_unit")\n'
                "        try:\n"
                "            begin, verdict = await commit(self._writer, loaded, begun)\n",
                "        made = begun(await loaded())\n"
                "        assert self._perform is not None\n"
                "        if made.subject is not None:\n"
                "            performed = await self._perform(made.subject.command, begun_ms)\n"
                '        crashpoint("payments.before_first_unit")\n'
                "        try:\n"
                "            begin, verdict = await commit(self._writer, loaded, lambda _: made)\n",
            ),
            Edit(
                _OPERATIONS,
                "        performed = await self._perform(begin.subject.command, begun_ms)\n"
                '        crashpoint("payments.after_reply")\n',
                '        crashpoint("payments.after_reply")\n',
            ),
        ),
    ),
    Bug(
        "sent_again_under_a_new_reference",
        Matrix("payments.after_first_unit-capture-ok"),
        (
            Edit(
                _DISPATCH,
                "outcome: InquiryOutcome = await self._send_again(taken, leased_ms)",
                "outcome: InquiryOutcome = await self._send_again(\n"
                '                replace(taken, id=self._ids.new("cmd")), leased_ms\n'
                "            )",
            ),
            Edit(
                _DISPATCH,
                "from dataclasses import dataclass\n",
                "from dataclasses import dataclass, replace\n",
            ),
        ),
    ),
    Bug(
        "sent_again_without_asking_when_the_lease_has_run_out",
        Matrix("payments.after_reply-capture-ok"),
        (
            Edit(
                _DISPATCH,
                "        if command.state is State.RESEND:\n",
                "        if command.state in (State.RESEND, State.LEASED):\n",
            ),
        ),
    ),
    Bug(
        "lease_of_a_living_sender_ignored",
        Test("test_races", "sender_still_holds"),
        (
            Edit(
                "commands/queries.sql",
                "(state = 'leased' AND lease_until < now())",
                "(state = 'leased')",
            ),
        ),
    ),
    Bug(
        "two_janitors_take_the_same_command",
        Matrix("payments.after_first_unit-refund-ok"),
        (
            Edit(
                _DISPATCH,
                "        if not isinstance(await self._writer.submit(unit), Committed):\n"
                "            return None\n",
                "        await self._writer.submit(unit)\n",
            ),
        ),
    ),
    Bug(
        "unknown_booked_as_failed",
        Matrix("payments.after_second_unit-confirm-timeout_after_effect"),
        (
            Edit(
                _OUTCOMES,
                "        case NotSent() | NotFound():\n"
                "            return ended(draft, subject.command, _declined(",
                "        case NotSent() | NotFound() | Unknown():\n"
                "            return ended(draft, subject.command, _declined(",
            ),
        ),
    ),
    Bug(
        "not_found_believed_at_once",
        Matrix("dispatch.after_inquiry-increment-slow"),
        (
            Edit(
                _DISPATCH,
                "            and sent_ago_ms > capabilities.not_found_window_ms\n",
                "",
            ),
        ),
    ),
    Bug(
        "owed_refund_given_up_when_not_found",
        Matrix("payments.after_first_unit-refund-ok"),
        (
            Edit(
                _REFUNDING,
                "        case NotSent() | NotFound():\n"
                "            draft.settle(owed(command, next_ms, outcome))\n"
                "            return _refund_pending(draft, subject, refund)\n",
                "        case NotSent() | NotFound():\n"
                "            draft.settle(settled(command))\n"
                '            lost = Declined("declined", "It never happened.")\n'
                "            return _refund_failed(draft, subject, refund, lost)\n",
            ),
            Edit(
                _REFUNDING,
                "from hazina.commands.command import change, waiting\n",
                "from hazina.commands.command import change, settled, waiting\n",
            ),
        ),
    ),
    Bug(
        "young_authorization_given_up_when_not_found",
        Matrix("payments.after_first_unit-create-ok"),
        (
            Edit(
                _OUTCOMES,
                "        case NotSent() | NotFound() if young and _awaited(subject, outcome):\n",
                "        case NotSent() | NotFound() if young and subject.command.fence < 1:\n",
            ),
        ),
    ),
    Bug(
        "a_no_of_who_stood_still_is_believed",
        Test("test_frozen_sender", "stood_still"),
        (
            Edit(
                _OPERATIONS,
                "            if came is not None and overtaken(command, subject.command, came):\n"
                "                came = None\n",
                "",
            ),
        ),
    ),
    Bug(
        "failed_refund_keeps_its_reservation",
        Matrix("payments.after_reply-refund-decline"),
        (
            Edit(
                _REFUNDING,
                "    charge_now = replace(\n"
                "        charge, amount_refund_reserved=charge.amount_refund_reserved"
                " - refund.amount\n"
                "    )\n",
                "    charge_now = charge\n",
            ),
        ),
    ),
    Bug(
        "refund_announced_at_every_inquiry",
        Matrix("dispatch.after_inquiry-refund-timeout_before_effect"),
        (
            Edit(
                _REFUNDING,
                "    if refund.revision > 0:\n        return Effect(subject)\n    # The amount",
                "    # The amount",
            ),
        ),
    ),
    Bug(
        "event_recorded_outside_the_unit",
        Matrix("payments.after_second_unit-create-ok"),
        (
            Edit(_OPERATIONS, "        loads = 0\n", "        loads, told = 0, []\n"),
            Edit(
                _OPERATIONS,
                "            unit = draft.unit()\n            unit = replace(unit, ",
                "            unit = draft.unit()\n"
                '            told[:] = [w for w in unit.writes if w.table == "event"]\n'
                "            unit = replace(\n"
                '                unit, writes=tuple(w for w in unit.writes if w.table != "event")\n'
                "            )\n"
                "            unit = replace(unit, ",
            ),
            Edit(
                _OPERATIONS,
                '        crashpoint("payments.after_second_unit")\n',
                '        crashpoint("payments.after_second_unit")\n'
                "        await self._writer.submit(\n"
                "            Unit(merchant.merchant_id, writes=tuple(told))\n"
                "        )\n",
            ),
        ),
    ),
    Bug(
        "outcome_applied_twice",
        Test("test_races", "a_reply_and_an_inquiry"),
        (
            Edit(
                _OUTCOMES,
                "    if subject.command.state is State.DONE:\n        # It came by another door",
                "    if subject.command.state is None:\n        # It came by another door",
            ),
        ),
    ),
    Bug(
        "callback_taken_for_the_truth_about_what_is_settled",
        Test("test_contradictions", "contradict"),
        (
            Edit(
                "dispatch/callbacks.py",
                "            connector.read_callback(",
                "            callback = connector.read_callback(",
            ),
            Edit(
                "dispatch/callbacks.py",
                "        outcome = await self._ask(command)\n",
                "        outcome: InquiryOutcome = callback.outcome\n"
                "        if command.state is not State.DONE:\n"
                "            outcome = await self._ask(command)\n",
            ),
            Edit(
                "dispatch/callbacks.py",
                "import Command, from_row\n",
                "import Command, State, from_row\n",
            ),
        ),
    ),
    Bug(
        "answer_of_the_key_not_stored",
        Matrix("payments.after_second_unit-capture-ok"),
        (
            Edit(
                _IDEMPOTENCY,
                "    if held is None:\n        return (), ()\n",
                "    if held is None or held.version:\n        return (), ()\n",
            ),
        ),
    ),
    Bug(
        "answer_rendered_anew_at_each_retry",
        Matrix("payments.after_second_unit-confirm-timeout_after_effect"),
        (
            Edit(
                _IDEMPOTENCY,
                "            return found\n        held = Held(",
                "            row = await self._row(request)\n"
                "            assert row is not None\n"
                '            again = Held(request, row["version"], row["fence"])\n'
                '            return replace(await finish(again, row["operation"]), replayed=True)\n'
                "        held = Held(",
            ),
        ),
    ),
    Bug(
        "dead_request_carried_out_again_by_its_retry",
        Matrix("payments.after_reply-create-ok"),
        (
            Edit(
                _OPERATIONS,
                "            case Taken():\n"
                "                assert idempotency is not None\n"
                "                return await "
                "self._idempotency.answer_taken(idempotency, finish)\n",
                "            case Taken():\n"
                "                assert idempotency is not None\n"
                "                found = await self._idempotency.resolve(idempotency)\n"
                "                if not isinstance(found, Answer):\n"
                "                    return await self.begin(caller, None, load, decide, shows)\n"
                "                return await "
                "self._idempotency.answer_taken(idempotency, finish)\n",
            ),
        ),
    ),
    Bug(
        "canceled_without_a_void",
        Matrix("payments.before_first_unit-cancel-ok"),
        (
            Edit(
                "payments/holds.py",
                "    if charge is None:\n        canceled = replace(\n",
                "    if charge is None or intent.status is _S.REQUIRES_CAPTURE:\n"
                "        canceled = replace(\n",
            ),
        ),
    ),
    Bug(
        "key_in_use_answered_before_its_lease_is_over",
        Test("test_races_over_http", "a_key_in_flight"),
        (
            Edit(
                _IDEMPOTENCY,
                '        if not row["expired"]:\n            raise _in_use()\n        return row\n',
                "        return row\n",
            ),
        ),
    ),
    Bug(
        "failed_inquiry_taken_for_not_found",
        Test("test_sandbox_mapping", "also_to_an_inquiry", "unit/connectors"),
        (
            Edit(
                "connectors/sandbox/mapping.py",
                '        return Unknown(f"HTTP {status}: {scrubbed(answer.reason)}")\n'
                '    error = content.get("error")\n    if error is None:\n',
                "        return NotFound()\n"
                '    error = content.get("error")\n    if error is None:\n',
            ),
        ),
    ),
    Bug(
        "open_operation_keeps_nobody_out",
        Test("test_races", "confirmed_twice"),
        (
            Edit(
                "payments/intent.py",
                "    if intent.operation is not None and not authenticating:\n",
                "    if intent.operation is not None and not authenticating and not allowed:\n",
            ),
        ),
    ),
    Bug(
        "part_of_a_capture_booked_as_the_whole",
        Test("test_races", "two_captures"),
        (
            Edit(
                "payments/capturing.py",
                '    amount, final = command.request["amount_minor"], ',
                "    amount, final = charge.amount, ",
            ),
        ),
    ),
    Bug(
        "what_is_reserved_not_counted_against_a_second_refund",
        Test("test_races", "two_refunds"),
        (
            Edit(
                "payments/charge.py",
                "        return self.amount_captured - self.amount_refunded"
                " - self.amount_refund_reserved\n",
                "        return self.amount_captured - self.amount_refunded\n",
            ),
        ),
    ),
    Bug(
        "lost_commit_looked_up_without_its_lock",
        Test("test_writer_lost_commit", "still_commits"),
        (
            Edit(
                "db/doubt.py",
                'await link.run([BEGIN, call(LOCK, ("bigint",), lock)])\n    found',
                "await link.run([BEGIN])\n    found",
            ),
        ),
    ),
    Bug(
        "cancellation_that_comes_too_late_applied",
        Test("test_late_cancellations", "comes_too_late"),
        (
            Edit(
                _CAPTURING,
                "    if intent.status in TERMINAL:\n"
                "        return _void_too_late(draft, subject, outcome, next_ms)\n",
                "",
            ),
        ),
    ),
    Bug(
        "what_a_refused_cancellation_leaves_is_told_to_nobody",
        Test("test_late_cancellations", "comes_too_late"),
        (
            Edit(
                _CAPTURING,
                "        draft.event(what, intent_now, intent_view)\n"
                "    draft.put(intent, intent_now)\n"
                "    refusal = ",
                "        if stands:\n"
                "            draft.event(what, intent_now, intent_view)\n"
                "    draft.put(intent, intent_now)\n"
                "    refusal = ",
            ),
        ),
    ),
)
