"""A reference model of the ledger, read off TigerBeetle's public documentation and nothing else.

It knows no engine, no tables and no batches of ours: plain dicts and whole numbers, one rule after
the other in the order in which docs.tigerbeetle.com/reference lists the results. Sections are named
after the pages. Where the reference leaves a choice open, the comment says so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
U128 = 2**128 - 1
SECOND = 10**9

# reference/account, reference/transfer: flags.
A_LINKED, A_DEBITS_LIMITED, A_CREDITS_LIMITED, A_HISTORY, A_IMPORTED, A_CLOSED = (
    1 << n for n in range(6)
)
(
    T_LINKED, T_PENDING, T_POST, T_VOID, T_BALANCING_DEBIT, T_BALANCING_CREDIT,
    T_CLOSING_DEBIT, T_CLOSING_CREDIT, T_IMPORTED,
) = (1 << n for n in range(9))  # fmt: skip

TRANSIENT = {
    "debit_account_not_found", "credit_account_not_found", "pending_transfer_not_found",
    "exceeds_credits", "exceeds_debits", "debit_account_already_closed",
    "credit_account_already_closed",
}  # fmt: skip


def _words(text: str) -> list[str]:
    return text.split()


ACCOUNT_STATUSES = _words("""
created linked_event_failed linked_event_chain_open imported_event_expected
imported_event_not_expected timestamp_must_be_zero imported_event_timestamp_out_of_range
imported_event_timestamp_must_not_advance reserved_field reserved_flag id_must_not_be_zero
id_must_not_be_int_max exists_with_different_flags exists_with_different_user_data_128
exists_with_different_user_data_64 exists_with_different_user_data_32 exists_with_different_ledger
exists_with_different_code exists flags_are_mutually_exclusive debits_pending_must_be_zero
debits_posted_must_be_zero credits_pending_must_be_zero credits_posted_must_be_zero
ledger_must_not_be_zero code_must_not_be_zero imported_event_timestamp_must_not_regress
""")

TRANSFER_STATUSES = _words("""
created linked_event_failed linked_event_chain_open imported_event_expected
imported_event_not_expected timestamp_must_be_zero imported_event_timestamp_out_of_range
imported_event_timestamp_must_not_advance reserved_flag id_must_not_be_zero id_must_not_be_int_max
exists_with_different_flags exists_with_different_pending_id exists_with_different_timeout
exists_with_different_debit_account_id exists_with_different_credit_account_id
exists_with_different_amount exists_with_different_user_data_128
exists_with_different_user_data_64 exists_with_different_user_data_32 exists_with_different_ledger
exists_with_different_code exists id_already_failed flags_are_mutually_exclusive
debit_account_id_must_not_be_zero debit_account_id_must_not_be_int_max
credit_account_id_must_not_be_zero credit_account_id_must_not_be_int_max
accounts_must_be_different pending_id_must_be_zero pending_id_must_not_be_zero
pending_id_must_not_be_int_max pending_id_must_be_different timeout_reserved_for_pending_transfer
closing_transfer_must_be_pending ledger_must_not_be_zero code_must_not_be_zero
debit_account_not_found credit_account_not_found accounts_must_have_the_same_ledger
transfer_must_have_the_same_ledger_as_accounts pending_transfer_not_found
pending_transfer_not_pending pending_transfer_has_different_debit_account_id
pending_transfer_has_different_credit_account_id pending_transfer_has_different_ledger
pending_transfer_has_different_code exceeds_pending_transfer_amount
pending_transfer_has_different_amount pending_transfer_already_posted
pending_transfer_already_voided pending_transfer_expired imported_event_timestamp_must_not_regress
imported_event_timestamp_must_postdate_debit_account
imported_event_timestamp_must_postdate_credit_account imported_event_timeout_must_be_zero
debit_account_already_closed credit_account_already_closed overflows_debits_pending
overflows_credits_pending overflows_debits_posted overflows_credits_posted overflows_debits
overflows_credits overflows_timeout exceeds_credits exceeds_debits
""")
"""Every documented result but `amount_must_not_be_zero`, deprecated since release 0.16.0."""


@dataclass
class State:
    """Everything that the ledger remembers."""

    accounts: dict[int, Event] = field(default_factory=dict)
    transfers: dict[int, Event] = field(default_factory=dict)
    pending: dict[int, str] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    balances: dict[int, list[Event]] = field(default_factory=dict)

    def snapshot(self) -> State:
        """Return a copy that later changes leave alone; transfers themselves never change."""
        return State(
            {key: dict(account) for key, account in self.accounts.items()},
            dict(self.transfers), dict(self.pending), set(self.failed),
            {key: list(rows) for key, rows in self.balances.items()},
        )  # fmt: skip


class Model:
    """The ledger as documented. Times are given from outside, as the cluster's clock would."""

    def __init__(self) -> None:
        self.state = State()
        self._now = 0

    # coding/linked-events

    def _run(
        self, events: list[Event], imported_flag: int, create: Callable[[Event, int], str],
        moments: list[int], stamps: list[int],
    ) -> list[str]:  # fmt: skip
        results: list[str] = []
        start: int | None = None
        before: State | None = None
        for index, event in enumerate(events):
            if start is None and event["flags"] & 1:
                start, before = index, self.state.snapshot()
            broken = start is not None and before is None
            if event["flags"] & 1 and index == len(events) - 1:
                result = "linked_event_chain_open"
            elif broken:
                result = "linked_event_failed"
            else:
                first = events[0]["flags"] & imported_flag
                self._now = moments[index]
                result = self._time(event, imported_flag, first, self._now) or create(
                    event, stamps[index]
                )
            results.append(result)
            if result != "created" and before is not None and start is not None:
                self.state, before = before, None
                results[start:index] = ["linked_event_failed"] * (index - start)
            if result in TRANSIENT:
                self.state.failed.add(event["id"])
            if not event["flags"] & 1:
                start = before = None
        return results

    @staticmethod
    def _time(event: Event, imported_flag: int, first: int, now: int) -> str | None:
        imported = event["flags"] & imported_flag
        if first and not imported:
            return "imported_event_expected"
        if imported and not first:
            return "imported_event_not_expected"
        if not imported:
            return "timestamp_must_be_zero" if event["timestamp"] else None
        if not 0 < event["timestamp"] < 2**63:
            return "imported_event_timestamp_out_of_range"
        if event["timestamp"] >= now:
            return "imported_event_timestamp_must_not_advance"
        return None

    # requests/create_accounts

    def create_accounts(
        self, events: list[Event], moments: list[int], stamps: list[int]
    ) -> list[str]:
        """Return the result of each, judged at its moment; `stamps` are given to creations."""
        return self._run(events, A_IMPORTED, self._create_account, moments, stamps)

    def _create_account(self, event: Event, stamp: int) -> str:
        state = self.state
        if event["reserved"]:
            return "reserved_field"
        if event["flags"] >= 64:
            return "reserved_flag"
        if event["id"] == 0:
            return "id_must_not_be_zero"
        if event["id"] == U128:
            return "id_must_not_be_int_max"
        if event["id"] in state.accounts:
            old = state.accounts[event["id"]]
            for name in (
                "flags", "user_data_128", "user_data_64", "user_data_32", "ledger", "code",
            ):  # fmt: skip
                if event[name] != old[name]:
                    return f"exists_with_different_{name}"
            return "exists"
        if event["flags"] & A_DEBITS_LIMITED and event["flags"] & A_CREDITS_LIMITED:
            return "flags_are_mutually_exclusive"
        for name in ("debits_pending", "debits_posted", "credits_pending", "credits_posted"):
            if event[name]:
                return f"{name}_must_be_zero"
        if event["ledger"] == 0:
            return "ledger_must_not_be_zero"
        if event["code"] == 0:
            return "code_must_not_be_zero"
        timestamp = stamp
        if event["flags"] & A_IMPORTED:
            timestamp = event["timestamp"]
            newest = max((a["timestamp"] for a in state.accounts.values()), default=0)
            taken = {t["timestamp"] for t in state.transfers.values()}
            if timestamp <= newest or timestamp in taken:
                return "imported_event_timestamp_must_not_regress"
        state.accounts[event["id"]] = {**event, "timestamp": timestamp}
        state.balances[event["id"]] = []
        return "created"

    # requests/create_transfers

    def create_transfers(
        self, events: list[Event], moments: list[int], stamps: list[int]
    ) -> list[str]:
        """Return the result of each, judged at its moment; `stamps` are given to creations."""
        return self._run(events, T_IMPORTED, self._create_transfer, moments, stamps)

    def _create_transfer(self, event: Event, stamp: int) -> str:
        if event["flags"] >= 512:
            return "reserved_flag"
        if event["id"] == 0:
            return "id_must_not_be_zero"
        if event["id"] == U128:
            return "id_must_not_be_int_max"
        if event["id"] in self.state.transfers:
            return self._transfer_exists(event, self.state.transfers[event["id"]])
        if event["id"] in self.state.failed:
            return "id_already_failed"
        if event["flags"] & (T_POST | T_VOID):
            return self._second_phase(event, stamp)
        return self._first_phase(event, stamp)

    def _transfer_exists(self, event: Event, old: Event) -> str:
        for name in ("flags", "pending_id", "timeout"):
            if event[name] != old[name]:
                return f"exists_with_different_{name}"
        second = bool(event["flags"] & (T_POST | T_VOID))
        for name in ("debit_account_id", "credit_account_id"):
            if event[name] != old[name] and not (second and event[name] == 0):
                return f"exists_with_different_{name}"
        parent = self.state.transfers[old["pending_id"]] if second else None
        if not self._same_amount(event, old, parent):
            return "exists_with_different_amount"
        for name in ("user_data_128", "user_data_64", "user_data_32"):
            wanted = event[name]
            if parent is not None and wanted == 0:
                wanted = parent[name]
            if wanted != old[name]:
                return f"exists_with_different_{name}"
        for name in ("ledger", "code"):
            if event[name] != old[name] and not (second and event[name] == 0):
                return f"exists_with_different_{name}"
        return "exists"

    @staticmethod
    def _same_amount(event: Event, old: Event, parent: Event | None) -> bool:
        if event["flags"] & (T_BALANCING_DEBIT | T_BALANCING_CREDIT):
            return bool(old["amount"] <= event["amount"])
        if event["flags"] & T_POST and parent is not None:
            if old["amount"] < parent["amount"]:
                return bool(event["amount"] == old["amount"])
            return bool(event["amount"] >= parent["amount"])
        if event["flags"] & T_VOID and event["amount"] == 0:
            return True
        return bool(event["amount"] == old["amount"])

    def _first_phase(self, event: Event, stamp: int) -> str:
        accounts = self.state.accounts
        flags = event["flags"]
        for name in ("debit_account_id", "credit_account_id"):
            if event[name] == 0:
                return f"{name}_must_not_be_zero"
            if event[name] == U128:
                return f"{name}_must_not_be_int_max"
        if event["debit_account_id"] == event["credit_account_id"]:
            return "accounts_must_be_different"
        if event["pending_id"]:
            return "pending_id_must_be_zero"
        if event["timeout"] and not flags & T_PENDING:
            return "timeout_reserved_for_pending_transfer"
        if flags & (T_CLOSING_DEBIT | T_CLOSING_CREDIT) and not flags & T_PENDING:
            return "closing_transfer_must_be_pending"
        if event["ledger"] == 0:
            return "ledger_must_not_be_zero"
        if event["code"] == 0:
            return "code_must_not_be_zero"
        if event["debit_account_id"] not in accounts:
            return "debit_account_not_found"
        if event["credit_account_id"] not in accounts:
            return "credit_account_not_found"
        debit = accounts[event["debit_account_id"]]
        credit = accounts[event["credit_account_id"]]
        if debit["ledger"] != credit["ledger"]:
            return "accounts_must_have_the_same_ledger"
        if event["ledger"] != debit["ledger"]:
            return "transfer_must_have_the_same_ledger_as_accounts"
        problem = self._imported(event, debit, credit)
        if problem:
            return problem
        if debit["flags"] & A_CLOSED:
            return "debit_account_already_closed"
        if credit["flags"] & A_CLOSED:
            return "credit_account_already_closed"
        amount = self._balanced(event, debit, credit)
        timestamp = event["timestamp"] or stamp
        problem = self._overflows(event, debit, credit, amount, timestamp)
        if problem:
            return problem
        if flags & T_PENDING:
            debit["debits_pending"] += amount
            credit["credits_pending"] += amount
            self.state.pending[event["id"]] = "pending"
            if flags & T_CLOSING_DEBIT:
                debit["flags"] |= A_CLOSED
            if flags & T_CLOSING_CREDIT:
                credit["flags"] |= A_CLOSED
        else:
            debit["debits_posted"] += amount
            credit["credits_posted"] += amount
        self._record({**event, "amount": amount, "timestamp": timestamp})
        return "created"

    @staticmethod
    def _balanced(event: Event, debit: Event, credit: Event) -> int:
        """reference/transfer: flags.balancing_debit, flags.balancing_credit."""
        amount: int = event["amount"]
        if event["flags"] & T_BALANCING_DEBIT:
            left = debit["credits_posted"] - debit["debits_pending"] - debit["debits_posted"]
            amount = min(amount, max(left, 0))
        if event["flags"] & T_BALANCING_CREDIT:
            left = credit["debits_posted"] - credit["credits_pending"] - credit["credits_posted"]
            amount = min(amount, max(left, 0))
        return amount

    @staticmethod
    def _overflows(
        event: Event, debit: Event, credit: Event, amount: int, timestamp: int
    ) -> str | None:
        pending = event["flags"] & T_PENDING
        if pending and debit["debits_pending"] + amount > U128:
            return "overflows_debits_pending"
        if pending and credit["credits_pending"] + amount > U128:
            return "overflows_credits_pending"
        if debit["debits_posted"] + amount > U128:
            return "overflows_debits_posted"
        if credit["credits_posted"] + amount > U128:
            return "overflows_credits_posted"
        if debit["debits_pending"] + debit["debits_posted"] + amount > U128:
            return "overflows_debits"
        if credit["credits_pending"] + credit["credits_posted"] + amount > U128:
            return "overflows_credits"
        if event["timeout"] and timestamp + event["timeout"] * SECOND >= 2**63:
            return "overflows_timeout"
        debits = debit["debits_pending"] + debit["debits_posted"] + amount
        if debit["flags"] & A_DEBITS_LIMITED and debits > debit["credits_posted"]:
            return "exceeds_credits"
        credits = credit["credits_pending"] + credit["credits_posted"] + amount
        if credit["flags"] & A_CREDITS_LIMITED and credits > credit["debits_posted"]:
            return "exceeds_debits"
        return None

    # coding/two-phase-transfers

    def _second_phase(self, event: Event, stamp: int) -> str:
        flags = event["flags"]
        forbidden = T_PENDING | T_BALANCING_DEBIT | T_BALANCING_CREDIT
        forbidden |= T_CLOSING_DEBIT | T_CLOSING_CREDIT
        if (flags & T_POST and flags & T_VOID) or flags & forbidden:
            return "flags_are_mutually_exclusive"
        # The reference lists rules of account ids before these; a second phase need not name any.
        if event["pending_id"] == 0:
            return "pending_id_must_not_be_zero"
        if event["pending_id"] == U128:
            return "pending_id_must_not_be_int_max"
        if event["pending_id"] == event["id"]:
            return "pending_id_must_be_different"
        if event["timeout"]:
            return "timeout_reserved_for_pending_transfer"
        if event["pending_id"] not in self.state.transfers:
            return "pending_transfer_not_found"
        parent = self.state.transfers[event["pending_id"]]
        if not parent["flags"] & T_PENDING:
            return "pending_transfer_not_pending"
        for name in ("debit_account_id", "credit_account_id", "ledger", "code"):
            if event[name] and event[name] != parent[name]:
                return f"pending_transfer_has_different_{name}"
        amount = event["amount"]
        if (flags & T_VOID and amount == 0) or (flags & T_POST and amount == U128):
            amount = parent["amount"]
        if amount > parent["amount"]:
            return "exceeds_pending_transfer_amount"
        if flags & T_VOID and amount != parent["amount"]:
            return "pending_transfer_has_different_amount"
        fate = self.state.pending[parent["id"]]
        if fate != "pending":
            return "pending_transfer_expired" if fate == "expired" else (
                f"pending_transfer_already_{fate}"
            )  # fmt: skip
        if parent["timeout"] and self._now >= parent["timestamp"] + parent["timeout"] * SECOND:
            return "pending_transfer_expired"
        debit = self.state.accounts[parent["debit_account_id"]]
        credit = self.state.accounts[parent["credit_account_id"]]
        problem = self._imported(event, debit, credit)
        if problem:
            return problem
        if flags & T_POST and debit["flags"] & A_CLOSED:
            return "debit_account_already_closed"
        if flags & T_POST and credit["flags"] & A_CLOSED:
            return "credit_account_already_closed"
        self._release(parent, "posted" if flags & T_POST else "voided")
        if flags & T_POST:
            debit["debits_posted"] += amount
            credit["credits_posted"] += amount
        inherited = ("debit_account_id", "credit_account_id", "ledger", "code")
        inherited += ("user_data_128", "user_data_64", "user_data_32")
        filled = {name: event[name] or parent[name] for name in inherited}
        timestamp = event["timestamp"] or stamp
        self._record({**event, **filled, "amount": amount, "timestamp": timestamp})
        return "created"

    def _release(self, parent: Event, fate: str) -> None:
        debit = self.state.accounts[parent["debit_account_id"]]
        credit = self.state.accounts[parent["credit_account_id"]]
        debit["debits_pending"] -= parent["amount"]
        credit["credits_pending"] -= parent["amount"]
        self.state.pending[parent["id"]] = fate
        if parent["flags"] & T_CLOSING_DEBIT:
            debit["flags"] &= ~A_CLOSED
        if parent["flags"] & T_CLOSING_CREDIT:
            credit["flags"] &= ~A_CLOSED

    def expire(self, now: int) -> int:
        """Remove pending balances whose timeout has passed; return how many."""
        due = [
            (transfer["timestamp"] + transfer["timeout"] * SECOND, transfer["timestamp"], key)
            for key, transfer in self.state.transfers.items()
            if transfer["timeout"] and self.state.pending[key] == "pending"
        ]
        ran_out = [key for moment, _, key in sorted(due) if moment <= now]
        for key in ran_out:
            self._release(self.state.transfers[key], "expired")
        return len(ran_out)

    def _imported(self, event: Event, debit: Event, credit: Event) -> str | None:
        if not event["flags"] & T_IMPORTED:
            return None
        timestamp = event["timestamp"]
        newest = max((t["timestamp"] for t in self.state.transfers.values()), default=0)
        if timestamp <= newest or timestamp in {
            a["timestamp"] for a in self.state.accounts.values()
        }:
            return "imported_event_timestamp_must_not_regress"
        if timestamp <= debit["timestamp"]:
            return "imported_event_timestamp_must_postdate_debit_account"
        if timestamp <= credit["timestamp"]:
            return "imported_event_timestamp_must_postdate_credit_account"
        if event["timeout"]:
            return "imported_event_timeout_must_be_zero"
        return None

    # requests/get_account_balances, get_account_transfers, query-filter

    def _record(self, transfer: Event) -> None:
        self.state.transfers[transfer["id"]] = transfer
        for key in (transfer["debit_account_id"], transfer["credit_account_id"]):
            account = self.state.accounts[key]
            if account["flags"] & A_HISTORY:
                names = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
                line = {name: account[name] for name in names}
                line["timestamp"] = transfer["timestamp"]
                self.state.balances[key].append(line)

    def account_transfers(self, wanted: Event) -> list[Event]:
        """get_account_transfers: reference/account-filter."""
        if wanted["account_id"] in (0, U128) or not wanted["flags"] & 3 or wanted["flags"] >= 8:
            return []
        if not self._filter_holds(wanted):
            return []
        key = wanted["account_id"]
        found = [
            transfer
            for transfer in self.state.transfers.values()
            if (wanted["flags"] & 1 and transfer["debit_account_id"] == key)
            or (wanted["flags"] & 2 and transfer["credit_account_id"] == key)
        ]
        return self._page(found, wanted, bool(wanted["flags"] & 4))

    def account_balances(self, wanted: Event) -> list[Event]:
        """get_account_balances: a balance for each transfer that the filter lets through."""
        account = self.state.accounts.get(wanted["account_id"])
        if account is None or not account["flags"] & A_HISTORY:
            return []
        lines = {line["timestamp"]: line for line in self.state.balances[wanted["account_id"]]}
        return [lines[transfer["timestamp"]] for transfer in self.account_transfers(wanted)]

    def query_accounts(self, wanted: Event) -> list[Event]:
        """query_accounts: reference/query-filter."""
        if wanted["flags"] >= 2 or not self._filter_holds(wanted):
            return []
        return self._page(list(self.state.accounts.values()), wanted, bool(wanted["flags"] & 1))

    def query_transfers(self, wanted: Event) -> list[Event]:
        """query_transfers: reference/query-filter."""
        if wanted["flags"] >= 2 or not self._filter_holds(wanted):
            return []
        return self._page(list(self.state.transfers.values()), wanted, bool(wanted["flags"] & 1))

    @staticmethod
    def _filter_holds(wanted: Event) -> bool:
        low, high = wanted["timestamp_min"], wanted["timestamp_max"]
        if low >= 2**63 or high >= 2**63 or (high and low > high):
            return False
        return bool(wanted["limit"])

    @staticmethod
    def _page(found: list[Event], wanted: Event, backwards: bool) -> list[Event]:
        for name in ("user_data_128", "user_data_64", "user_data_32", "ledger", "code"):
            if wanted.get(name):
                found = [one for one in found if one[name] == wanted[name]]
        high = wanted["timestamp_max"] or 2**63
        found = [one for one in found if wanted["timestamp_min"] <= one["timestamp"] <= high]
        found.sort(key=lambda one: int(one["timestamp"]), reverse=backwards)
        return copy.copy(found[: min(wanted["limit"], 8189)])
