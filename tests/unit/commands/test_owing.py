"""What is sent again, and for how long; which no proves nothing once another holds the command."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from hazina.commands.command import Command, State
from hazina.commands.owing import overtaken, still_owed
from hazina.commands.performing import Door, Performed
from hazina.ids import SeededIds, moment_of
from hazina.rails.contract import Operation
from hazina.rails.outcome import Approved, Declined, NotFound, NotSent, Outcome, Unknown
from hazina.values import replace

_ID = SeededIds(1).new("cmd")
_ASKED = moment_of(_ID)
_OWED_MS = 60_000
_NO = Declined("generic_decline", "No.")


def _command(operation: Operation = Operation.AUTHORIZE, fence: int = 1) -> Command:
    return Command(
        "acct_1", _ID, operation, "test", "pi_1", "ch_1", None, {}, State.LEASED, fence, 0, None, 1
    )


def _later(ms: int) -> datetime:
    return _ASKED + timedelta(milliseconds=ms)


@pytest.mark.parametrize(
    ("after_ms", "owed"), [(-60_000, True), (0, True), (59_999, True), (60_000, False)]
)
def test_an_authorization_is_owed_while_it_is_young(after_ms: int, owed: bool) -> None:
    assert still_owed(_command(), _later(after_ms), _OWED_MS) is owed


@pytest.mark.parametrize("after_ms", [0, -600_000], ids=["at once", "by a clock that is behind"])
def test_none_is_owed_where_the_setting_says_so(after_ms: int) -> None:
    assert not still_owed(_command(), _later(after_ms), 0)


@pytest.mark.parametrize(
    ("operation", "owed"),
    [
        (Operation.CAPTURE, True), (Operation.VOID, True), (Operation.REFUND, True),
        (Operation.INCREMENT, False), (Operation.VERIFY, False),
    ],
)  # fmt: skip
def test_what_else_is_owed_is_owed_at_any_age(operation: Operation, owed: bool) -> None:
    for after_ms in (0, 86_400_000):
        assert still_owed(_command(operation), _later(after_ms), _OWED_MS) is owed


@pytest.mark.parametrize("outcome", [NotSent("too old"), NotFound()], ids=["not sent", "not found"])
def test_what_one_holder_did_not_send_or_find_proves_nothing_of_the_next(
    outcome: Outcome | NotFound,
) -> None:
    came = Performed(outcome, 1_000, Door.LATE_REPLY)

    assert not overtaken(_command(), _command(), came)
    assert overtaken(_command(), _command(fence=2), came)
    assert not overtaken(_command(), replace(_command(fence=2), state=State.DONE), came)


@pytest.mark.parametrize(
    ("since", "over"),
    [
        (["taken_over", "inquiry"], False), (["taken_over", "sent_again"], True),
        (["sent_again", "inquiry"], True), (["inquiry"], True),
    ],
)  # fmt: skip
def test_what_was_not_sent_stays_proved_while_it_was_only_asked_about(
    since: list[str], over: bool
) -> None:
    """A lease of which nothing is told may have been for sending it."""
    history = [{"what": what, "fence": 2 + at} for at, what in enumerate(since)]
    now = replace(_command(fence=3), history=[{"what": "outcome"}, *history])

    assert overtaken(_command(), now, Performed(NotSent("away"), 1_000, Door.LATE_REPLY)) is over


@pytest.mark.parametrize(
    ("door", "sent_again_under", "over"),
    [
        (Door.LATE_REPLY, 3, True), (Door.REPLY, 3, True), (Door.LATE_REPLY, 1, False),
        (Door.LATE_REPLY, None, False), (Door.INQUIRY, 3, False), (Door.CALLBACK, 3, False),
    ],
)  # fmt: skip
def test_a_decline_of_a_sending_stands_until_it_is_sent_again(
    door: Door, sent_again_under: int | None, over: bool
) -> None:
    """What the provider answers when it is asked is of its books, whoever asks."""
    history = [{"what": "taken_over", "fence": 2}]
    if sent_again_under is not None:
        history.append({"what": "sent_again", "fence": sent_again_under})
    now = replace(_command(fence=3), history=history)

    assert overtaken(_command(), now, Performed(_NO, 1_000, door)) is over


def test_neither_a_yes_nor_what_is_not_known_is_ever_overtaken() -> None:
    for outcome in (Approved(1, "kes", "ref_1"), Unknown("no answer")):
        assert not overtaken(_command(), _command(fence=9), Performed(outcome, 0, Door.LATE_REPLY))
