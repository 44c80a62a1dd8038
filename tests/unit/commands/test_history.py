"""What a command tells of itself: nothing if plain, little if long, and no free text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from hazina.commands.command import Command, State, settled, waiting
from hazina.commands.history import given_up, leased_anew, told, with_events
from hazina.commands.performing import Door, Performed
from hazina.db.unit import Insert, Unit, Update
from hazina.rails.contract import Operation
from hazina.rails.outcome import ActionRequired, Approved, Declined, NotFound, NotSent, Unknown
from hazina.values import replace

_AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, UTC)
_YES = Approved(1_000, "kes", "ref_1")
_NO = Declined("generic_decline", "Asha's card 4242 was declined by her bank.")
_UNSURE = Unknown("HTTP 500", "internal_error")


def _command(state: State = State.LEASED) -> Command:
    return Command(
        "acct_1", "cmd_1", Operation.CAPTURE, "test", "pi_1", "ch_1", None, {}, state, 1, 0, None, 1
    )


def _came(outcome: Approved | Declined | Unknown | NotSent, door: Door) -> Performed:
    return Performed(outcome, 1_000, door)


@pytest.mark.parametrize("outcome", [_YES, _NO], ids=["yes", "no"])
def test_what_its_first_reply_settles_writes_no_column_more(outcome: Approved | Declined) -> None:
    telling = told(_command(), _came(outcome, Door.REPLY), _AT)
    assert settled(telling)[1].changes.keys() == {"state", "lease_until", "next_at"}


@pytest.mark.parametrize("door", [door for door in Door if door is not Door.REPLY])
def test_what_another_door_settles_tells_the_door(door: Door) -> None:
    telling = told(_command(), _came(_YES, door), _AT)
    assert settled(telling)[1].changes["history"] == [
        {
            "at": "2026-03-01T12:00:00.123+00:00", "what": "outcome", "door": door.value,
            "outcome": "approved",
        }
    ]  # fmt: skip


def test_what_could_not_be_sent_is_no_plain_reply() -> None:
    telling = told(_command(), _came(NotSent("breaker is open"), Door.REPLY), _AT)
    (entry,) = settled(telling)[1].changes["history"]
    assert (entry["outcome"], entry["evidence"]) == ("not_sent", "breaker is open")


def test_a_no_and_an_address_keep_none_of_their_words() -> None:
    for outcome in (_NO, ActionRequired("https://bank.test/secret")):
        telling = told(_command(), Performed(outcome, 1_000, Door.INQUIRY), _AT)
        kept = orjson.dumps(telling.history).decode()
        assert "Asha" not in kept
        assert "https" not in kept


def test_an_unknown_outcome_keeps_the_words_that_its_evidence_has() -> None:
    telling = told(_command(), _came(_UNSURE, Door.REPLY), _AT)
    changes = waiting(telling, 200, "HTTP 500 (internal_error)")[1].changes
    assert changes["history"][0]["evidence"] == changes["evidence"]


@pytest.mark.parametrize(
    ("state", "what"),
    [(State.LEASED, "taken_over"), (State.WAITING, "inquiry"), (State.RESEND, "sent_again")],
)
def test_a_new_lease_tells_what_it_is_for_and_whose(state: State, what: str) -> None:
    (entry,) = leased_anew(_command(state), _AT, 7).history or ()
    assert (entry["what"], entry["fence"], entry["writer"]) == (what, 2, 7)


def test_what_comes_after_the_end_is_told_apart_from_it() -> None:
    done = replace(_command(State.DONE), history=None)
    (entry,) = told(done, _came(_NO, Door.CALLBACK), _AT).history or ()
    assert entry["what"] == "late_outcome"


def test_a_command_asked_about_for_days_keeps_its_first_and_last_entries_and_a_count() -> None:
    command, asked = _command(State.WAITING), 500
    for number in range(asked):
        command = leased_anew(command, _AT + timedelta(minutes=number), 1)
        command = told(command, _came(_UNSURE, Door.INQUIRY), _AT + timedelta(minutes=number))
    history = command.history or ()
    assert len(history) == 41
    assert history[20] == {"what": "left_out", "count": 2 * asked - 40}
    assert history[0]["at"] < history[19]["at"] < history[21]["at"] < history[-1]["at"]
    assert len(orjson.dumps(history)) < 6_000


def test_the_events_of_an_outcome_are_named_where_it_is_told() -> None:
    telling = told(_command(), Performed(NotFound(), 0, Door.INQUIRY), _AT)
    relied, update = settled(telling)
    event = Insert("event", {"id": "evt_1"})
    unit = with_events(Unit("acct_1", relies_on=(relied,), writes=(event, update)))
    (written,) = [write for write in unit.writes if isinstance(write, Update)]
    assert written.changes["history"][-1]["events"] == ["evt_1"]
    assert update.changes["history"][-1].get("events") is None, "a decision is not changed"


def test_a_unit_without_a_history_stays_as_it_is() -> None:
    relied, update = settled(_command())
    unit = Unit("acct_1", relies_on=(relied,), writes=(Insert("event", {"id": "evt_1"}), update))
    assert with_events(unit) == unit


def test_what_a_client_gave_up_is_settled_by_its_request() -> None:
    (entry,) = given_up(_command(State.WAITING)).history or ()
    assert entry == {"what": "given_up", "door": "request"}
