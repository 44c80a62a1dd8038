"""Mistakes in the ledger's engine, one guard each, that the differential fuzz must notice."""

from __future__ import annotations

from tests.faults.seeded.edit import Edit

LEDGER_BUGS: dict[str, Edit] = {
    "no_debit_limit": Edit(
        "ledger/rules.py",
        "if debit.flags & _LIMIT_DEBITS and debits > debit.credits_posted + debit.overdraft",
        "if False",
    ),
    "no_credit_limit": Edit(
        "ledger/rules.py",
        "if credit.flags & _LIMIT_CREDITS and credits > credit.debits_posted + credit.overdraft",
        "if False",
    ),
    "pending_debits_do_not_count": Edit(
        "ledger/rules.py",
        "debits = debit.debits_pending + debit.debits_posted + amount\n    credits",
        "debits = debit.debits_posted + amount\n    credits",
    ),
    "post_above_pending": Edit(
        "ledger/rules.py",
        "if amount > pending.amount:",
        "if False:",
    ),
    "void_of_a_part": Edit(
        "ledger/rules.py",
        "if flags & _RELEASE and amount != pending.amount:",
        "if False:",
    ),
    "post_twice": Edit(
        "ledger/rules.py",
        "return _RESOLVED.get(pending.state)",
        "return None if pending.state == 'posted' else _RESOLVED.get(pending.state)",
    ),
    "post_after_expiry": Edit(
        "ledger/rules.py",
        "return Status.PENDING_TRANSFER_EXPIRED if ran_out else None",
        "return None",
    ),
    "expiry_two_seconds_late": Edit(
        "ledger/rules.py",
        "now >= pending.expires_ns",
        "now > pending.expires_ns + 2 * 10**9",
    ),
    "credits_overflow_unseen": Edit(
        "ledger/rules.py",
        "if debits > AMOUNT_MAX or credits > AMOUNT_MAX:",
        "if debits > AMOUNT_MAX:",
    ),
    "timeouts_overflow_unseen": Edit(
        "ledger/rules.py",
        "if expires_ns is not None and expires_ns >= _TIMESTAMP_LIMIT:",
        "if False:",
    ),
    "balancing_takes_what_is_owed": Edit(
        "ledger/rules.py",
        "amount = min(amount, max(left, 0))\n    if flags & _BALANCING_CREDIT",
        "amount = min(amount, abs(left))\n    if flags & _BALANCING_CREDIT",
    ),
    "ledgers_mix": Edit(
        "ledger/book.py",
        "if debit.ledger != credit.ledger:",
        "if False:",
    ),
    "failed_ids_are_forgotten": Edit(
        "ledger/book.py",
        "if transfer_id in self.failed:",
        "if False:",
    ),
    "post_on_a_closed_account": Edit(
        "ledger/book.py",
        "if problem is None and flags & _POST:",
        "if problem is None and False:",
    ),
    "void_leaves_closed": Edit(
        "ledger/book.py",
        "self._reopen(pending_id, debit, credit)",
        "pass",
    ),
    "partial_post_leaves_pending": Edit(
        "ledger/book.py",
        "credit.credits_pending -= pending.amount",
        "credit.credits_pending -= amount",
    ),
    "undo_forgets_pending": Edit(
        "ledger/book.py",
        '            self.pending[pending_id].state = "pending"\n',
        "            pass\n",
    ),
    "undo_forgets_closing": Edit(
        "ledger/book.py",
        "            balance.closed_by = closed_by\n",
        "            pass\n",
    ),
    "closed_before_imported": Edit(
        "ledger/book.py",
        "self._import_problem(transfer, flags, debit, credit) or closed(debit, credit)",
        "closed(debit, credit) or self._import_problem(transfer, flags, debit, credit)",
    ),
    "partial_post_replay_unchecked": Edit(
        "ledger/existing.py",
        "if booked < whole:\n            return amount != booked",
        "if booked < whole:\n            return False",
    ),
    "balancing_replay_unequal": Edit(
        "ledger/existing.py",
        "return (AMOUNT_MAX if amount is None else amount) < booked",
        "return amount != booked",
    ),
    "second_phase_with_any_flag": Edit(
        "ledger/forms.py",
        "if resolve & (resolve - 1) or flags & _NOT_WITH_RESOLVE:",
        "if resolve & (resolve - 1):",
    ),
    "chain_is_not_undone": Edit(
        "ledger/requests.py",
        "                book.undo(mark)\n",
        "                pass\n",
    ),
    "open_chain_unseen": Edit(
        "ledger/requests.py",
        "        if linked and index == last:",
        "        if False:",
    ),
    "what_is_left_out_is_another_account": Edit(
        "ledger/rules.py",
        "if transfer.debit_account_id not in (pending.debit_account_id, NO_ID):",
        "if transfer.debit_account_id != pending.debit_account_id:",
    ),
    "nothing_is_remembered_as_failed": Edit(
        "ledger/requests.py",
        "        if status in TRANSIENT:",
        "        if False:",
    ),
    "user_data_not_inherited": Edit(
        "ledger/rows.py",
        "if row[name] is None:\n                    row[name] = pending[name]",
        "pass",
    ),
}
