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
        "a_post_keeps_the_accounts_that_it_did_not_find",
        Test("test_ledger_ids_at_once", "sent_along"),
        (Edit("ledger/requests.py", "if pending_id.int in book.transfers:", "if False:"),),
    ),
)
