"""Mistakes about what several writers of the ledger may do at once."""

from __future__ import annotations

from tests.faults.seeded.edit import Bug, Edit, Test

RACES = (
    Bug(
        "an_id_fails_while_another_writer_books_it",
        Test("test_ledger_ids_at_once", "remembered_as_failed"),
        (
            Edit(
                "ledger/engine.py",
                "        if not failed:\n            return None\n",
                "        return None\n",
            ),
        ),
    ),
    Bug(
        "a_post_takes_accounts_that_are_not_locked",
        Test("test_ledger_ids_at_once", "sent_along"),
        (
            Edit(
                "ledger/requests.py",
                "if pending is not None and not _locked(book, pending):",
                "if False:",
            ),
        ),
    ),
)
