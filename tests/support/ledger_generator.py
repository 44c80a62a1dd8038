"""Random work for a ledger, made so that values collide: few accounts, reused ids, near misses."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.support.ledger_model import (
    A_CREDITS_LIMITED,
    A_DEBITS_LIMITED,
    A_HISTORY,
    A_IMPORTED,
    SECOND,
    T_IMPORTED,
    T_LINKED,
    T_PENDING,
    T_POST,
    T_VOID,
    U128,
    Event,
)

_ACCOUNT: Event = dict.fromkeys(
    [
        "id", "ledger", "code", "flags", "user_data_128", "user_data_64", "user_data_32",
        "timestamp", "debits_pending", "debits_posted", "credits_pending", "credits_posted",
        "reserved",
    ],
    0,
)  # fmt: skip
_TRANSFER: Event = dict.fromkeys(
    [
        "id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128",
        "user_data_64", "user_data_32", "timeout", "ledger", "code", "flags", "timestamp",
    ],
    0,
)  # fmt: skip
_AMOUNTS = (0, 1, 2, 3, 5, 7, 10, 20, 100)
_HUGE = (U128, U128 - 1, U128 // 2 + 1, U128 // 2, U128 // 2, U128 // 3)


class Generator:
    """One episode's worth of requests: accounts, transfers, filters, steps of the clock."""

    def __init__(self, random: Random, *, imports: bool) -> None:
        self._random = random
        self._imports = imports
        self._accounts_sent: list[Event] = []
        self._sent: list[Event] = []
        self._made: list[Event] = []
        self._pendings: list[Event] = []
        self._account_id = 6
        self._imported_last = random.choice([1, 1000])
        self._next_id = 1

    def accounts(self, now: int) -> list[Event]:
        """Return a batch of accounts."""
        if not self._accounts_sent:
            batch = [self._plain_account(number) for number in range(1, 7)]
            if self._imports:
                for event in batch:
                    self._imported_last += 1
                    event["flags"] |= A_IMPORTED
                    # The last ones are younger than the transfers that are imported first.
                    event["timestamp"] = self._imported_last + 50_000 * (event["id"] >= 5)
        else:
            batch = [self._account(now) for _ in range(self._random.randint(1, 9))]
            self._chain(batch, 0.2)
        self._accounts_sent += [dict(event) for event in batch]
        return batch

    def transfers(self, now: int) -> list[Event]:
        """Return a batch of transfers."""
        random = self._random
        imported = self._imports and random.random() < 0.8
        count = random.choice([1, 1, 2, 3, 5, 8, 20, 60])
        batch = []
        for _ in range(count):
            event = self._transfer()
            if imported and random.random() < 0.97:
                self._import(event, T_IMPORTED, now)
                event["timeout"] = int(random.random() < 0.2)
                if event["timeout"] and not event["pending_id"] and random.random() < 0.5:
                    event["flags"] |= T_PENDING
            batch.append(event)
        if not imported and random.random() < 0.1:
            batch += self._one_id_again()
        self._chain(batch, 0.1)
        self._sent += [dict(event) for event in batch]
        del self._sent[:-80]
        return batch

    def learn(self, events: list[Event], statuses: list[str]) -> None:
        """Take note of what was made, so that later events come near it."""
        for event, status in zip(events, statuses, strict=True):
            if status == "created" and event["flags"] & T_PENDING:
                self._pendings.append(dict(event))
            if status == "created":
                self._made.append(dict(event))
        del self._pendings[:-12], self._made[:-60]

    def step_ns(self) -> int:
        """Return how far the clock moves next, often by nothing and often near a timeout."""
        whole = self._random.choice([0, 0, 0, 0, 1, 2, 3, 5])
        near = self._random.choice([-SECOND // 1000, -1, 0, 0, 1, SECOND // 1000])
        return max(whole * SECOND + near, 0)

    def account_filter(self, stamps: list[int]) -> Event:
        """Return a filter of one account's transfers or balances, sometimes a broken one."""
        wanted = self._filter(stamps, flags=(3, 3, 3, 1, 2, 7, 5, 6, 0, 8, 4))
        wanted["account_id"] = self._random.choice([1, 2, 3, 4, 5, 6, 0, U128, 99])
        return wanted

    def query_filter(self, stamps: list[int]) -> Event:
        """Return a filter over all accounts or transfers, sometimes a broken one."""
        wanted = self._filter(stamps, flags=(0, 0, 0, 1, 1, 2))
        wanted["ledger"] = self._random.choice([0, 0, 1, 2])
        return wanted

    def _filter(self, stamps: list[int], flags: tuple[int, ...]) -> Event:
        random = self._random

        def moment() -> int:
            if random.random() < 0.5 or not stamps:
                return 0
            return random.choice(stamps) + random.choice([-1, 0, 1])

        low, high = moment(), moment()
        if low and high and low > high and random.random() < 0.8:
            low, high = high, low
        if random.random() < 0.01:
            low = 2**63
        return {
            "user_data_128": random.choice([0, 0, 0, 1, 2]),
            "user_data_64": random.choice([0, 0, 0, 1, 2**64 - 1]),
            "user_data_32": random.choice([0, 0, 0, 1, 2**32 - 1]),
            "code": random.choice([0, 0, 0, 1, 2]),
            "timestamp_min": low,
            "timestamp_max": high,
            "limit": random.choice([0, 1, 2, 10, 100, 8189, 10_000]),
            "flags": random.choice(flags),
        }

    def _plain_account(self, number: int) -> Event:
        limits = (0, 0, A_DEBITS_LIMITED, A_CREDITS_LIMITED, 0, 0)[number - 1]
        event = {**_ACCOUNT, "id": number, "ledger": 2 if number == 6 else 1, "code": 1}
        event["flags"] = limits | self._random.choice([0, A_HISTORY])
        self._user_data(event)
        return event

    def _account(self, now: int) -> Event:
        random = self._random
        if random.random() < 0.4:
            event = dict(random.choice(self._accounts_sent))
            if random.random() < 0.7:
                self._spoil_account(event)
            return event
        self._account_id += 1
        event = {**_ACCOUNT, "id": self._account_id, "ledger": 1, "code": random.randint(1, 2)}
        event["flags"] = random.choice([0, A_HISTORY, A_DEBITS_LIMITED, A_CREDITS_LIMITED, 6, 32])
        self._user_data(event)
        if random.random() < 0.5:
            self._spoil_account(event)
        if self._imports and random.random() < 0.8:
            self._import(event, A_IMPORTED, now)
        return event

    def _spoil_account(self, event: Event) -> None:
        name = self._random.choice([*_ACCOUNT, "id", "ledger", "code"])
        event[name] = self._random.choice(
            {
                "id": [0, U128, 7],
                "flags": [6, 6, 64, 2, 4, 8, 32, 1 << 12],
                "ledger": [0, 2, 2**32 - 1],
                "code": [0, 2, 2**16 - 1],
                "timestamp": [1, 5],
            }.get(name, [1, 2])
        )

    def _transfer(self) -> Event:
        random = self._random
        choice = random.random()
        if self._sent and choice < 0.22:
            event = dict(random.choice(self._made or self._sent if choice < 0.16 else self._sent))
            if random.random() < 0.75:
                self._spoil(event)
            return event
        if self._pendings and choice < 0.45:
            near = self._pendings if random.random() < 0.97 else self._made
            event = self._second(random.choice(near))
        else:
            event = self._first()
        if random.random() < 0.12:
            self._spoil(event)
        return event

    def _one_id_again(self) -> list[Event]:
        """Return pending transfers of one id on several accounts, and what resolves one of them.

        All of them come in one batch: which of them is booked depends on what is wrong with each.
        """
        random = self._random
        holds = [{**self._first(), "flags": T_PENDING} for _ in range(random.randint(2, 3))]
        for hold in holds:
            hold["id"] = holds[0]["id"]
            hold["code"] = random.choice([0, 1])
        return [*holds, *(self._second(random.choice(holds)) for _ in range(2))]

    def _new_id(self) -> int:
        if self._random.random() < 0.04:
            return self._random.randint(1, self._next_id)
        self._next_id += 1
        return self._next_id

    def _first(self) -> Event:
        random = self._random
        debit = random.randint(1, 5)
        event = {
            **_TRANSFER, "id": self._new_id(), "debit_account_id": debit,
            "credit_account_id": random.choice([n for n in range(1, 6) if n != debit]),
            "ledger": 1, "code": random.randint(1, 2), "amount": random.choice(_AMOUNTS),
            "flags": random.choice([0, 0, 0, T_PENDING, T_PENDING, 16, 32, 48, 18, 34]),
        }  # fmt: skip
        if random.random() < 0.02:
            event["flags"] = T_PENDING | random.choice([64, 128, 192])
        elif random.random() < 0.005:
            event["flags"] = random.choice([64, 128])
        elif random.random() < 0.06:
            # Pending nearly always, so that a void makes the account useful again.
            event["flags"] = T_PENDING if random.random() < 0.85 else 0
            event["amount"] = random.choice(_HUGE)
        if event["flags"] & T_PENDING:
            event["timeout"] = random.choice([0, 0, 1, 2, 3, 2**32 - 1])
        self._user_data(event)
        return event

    def _second(self, parent: Event) -> Event:
        random = self._random
        event = {**_TRANSFER, "id": self._new_id(), "pending_id": parent["id"]}
        event["flags"] = random.choice([T_POST, T_POST, T_VOID])
        amount = parent["amount"]
        near = [0, amount, amount, U128, max(amount - 1, 0), min(amount + 1, U128), 1]
        event["amount"] = random.choice(near)
        for name in ("debit_account_id", "credit_account_id", "ledger", "code"):
            if random.random() < 0.4:
                event[name] = parent[name]
        if random.random() < 0.3:
            self._user_data(event)
        return event

    def _spoil(self, event: Event) -> None:
        random = self._random
        name = random.choice(list(_TRANSFER))
        if name == "amount":
            event[name] = random.choice([event[name] + 1, *_AMOUNTS, U128, *_HUGE]) % (U128 + 1)
        elif name in ("id", "pending_id"):
            event[name] = random.choice([0, U128, event["id"], random.randint(1, self._next_id)])
        elif name == "flags":
            event[name] = random.choice([event[name] ^ (1 << random.randint(1, 9)), 1 << 15])
        elif name in ("debit_account_id", "credit_account_id"):
            event[name] = random.choice([0, U128, 6, 99, *range(1, 6)])
        else:
            event[name] = random.choice([0, 1, 2, 3])

    def _user_data(self, event: Event) -> None:
        event["user_data_128"] = self._random.choice([0, 0, 1, 2, U128])
        event["user_data_64"] = self._random.choice([0, 0, 1, 2**64 - 1])
        event["user_data_32"] = self._random.choice([0, 0, 1, 2**32 - 1])

    def _import(self, event: Event, flag: int, now: int) -> None:
        random = self._random
        event["flags"] |= flag
        self._imported_last += random.choice([1, 1, 1, 2, 1000])
        usual = 40 if flag == T_IMPORTED else 8
        event["timestamp"] = random.choice(
            [self._imported_last] * usual
            + [0, self._imported_last - 1, self._imported_last - 5, now + 10**12, 2**63, now // 2]
        )
        event["timestamp"] = max(event["timestamp"], 0)

    def _chain(self, batch: list[Event], share: float) -> None:
        for event in batch[:-1]:
            if self._random.random() < share:
                event["flags"] |= T_LINKED
        if self._random.random() < 0.01:
            batch[-1]["flags"] |= T_LINKED


def picked(event: Event, names: Any) -> Event:
    """Return some fields of an event."""
    return {name: event[name] for name in names}
