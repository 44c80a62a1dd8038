"""A test clock: a time that stands still until it is told to advance."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from hazina.clock import unix
from hazina.db.table import Row
from hazina.refusals import Code, Refusal

Status = Literal["ready", "advancing", "internal_failure"]
ADVANCE_MAX = timedelta(days=732)
"""Two years and a leap day: as far as Stripe's clocks go at once."""


@dataclass(frozen=True, slots=True)
class TestClock:
    """One clock as stored. It governs its customers, or with `whole_merchant` everything else too.

    While it advances, its time is already `target_frozen_time`; `frozen_time` is what it shows
    until all that became due is done. A deleted clock keeps its row, because ids of its objects do
    not sort by their `created`.
    """

    __test__: ClassVar[bool] = False

    merchant_id: str
    id: str
    name: str | None
    frozen_time: datetime
    whole_merchant: bool
    created: datetime
    deletes_after: datetime
    target_frozen_time: datetime | None = None
    status: Status = "ready"
    deleted: bool = False
    revision: int = 1
    version: int = 1

    @property
    def key(self) -> tuple[str, str]:
        return (self.merchant_id, self.id)

    @property
    def now(self) -> datetime:
        """Return the moment for the clock's objects."""
        return self.target_frozen_time or self.frozen_time

    def advancing(self, to_unix: int) -> TestClock:
        """Return the clock on its way to a later moment.

        Refuses `test_clock_not_ready` while it advances, `parameter_invalid` for a moment that is
        not later, or later by more than two years.
        """
        if self.status == "advancing":
            raise Refusal(
                Code.TEST_CLOCK_NOT_READY,
                f"The test clock {self.id} is still advancing. Retrieve it until its status is "
                "ready, and advance it then.",
            )
        target = moment(to_unix)
        if not self.now < target <= self.now + ADVANCE_MAX:
            raise Refusal(
                Code.PARAMETER_INVALID,
                f"Invalid frozen_time: send a Unix time after {unix(self.now)}, by two years at "
                "most.",
                param="frozen_time",
            )
        return replace(
            self, frozen_time=self.now, target_frozen_time=target, status="advancing",
            revision=self.revision + 1,
        )  # fmt: skip

    def arrived(self) -> TestClock:
        """Return the clock after everything that became due is done."""
        return replace(
            self, frozen_time=self.now, target_frozen_time=None, status="ready",
            revision=self.revision + 1,
        )  # fmt: skip

    def failed(self) -> TestClock:
        """Return the clock after what became due could not be done, again and again."""
        return replace(self, status="internal_failure", revision=self.revision + 1)

    def ended(self) -> TestClock:
        """Return the clock after deletion."""
        return replace(self, deleted=True, revision=self.revision + 1)


_COLUMNS = tuple(field.name for field in fields(TestClock) if field.name != "version")
_CHANGING = ("frozen_time", "target_frozen_time", "status", "deleted", "revision")


def from_row(row: Row) -> TestClock:
    """Read a stored row."""
    return TestClock(version=row["version"], **{name: row[name] for name in _COLUMNS})


def to_row(clock: TestClock) -> dict[str, Any]:
    """Return the row to insert."""
    return {name: getattr(clock, name) for name in _COLUMNS}


def changes(clock: TestClock) -> dict[str, Any]:
    """Return the columns that an update may change."""
    return {name: getattr(clock, name) for name in _CHANGING}


def moment(seconds: int) -> datetime:
    """Return the moment of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC)


def view(clock: TestClock) -> dict[str, Any]:
    """Render a test clock (docs.stripe.com/api/test_clocks/object)."""
    details: dict[str, Any] = {}
    if clock.target_frozen_time is not None and clock.status == "advancing":
        details = {"advancing": {"target_frozen_time": unix(clock.target_frozen_time)}}
    shown: dict[str, Any] = {
        "id": clock.id, "object": "test_helpers.test_clock", "created": unix(clock.created),
        "deletes_after": unix(clock.deletes_after), "frozen_time": unix(clock.frozen_time),
        "livemode": False, "name": clock.name, "status": clock.status, "status_details": details,
    }  # fmt: skip
    if clock.whole_merchant:
        shown["hazina"] = {"governs": "merchant"}
    return shown


def deleted_view(clock_id: str) -> dict[str, Any]:
    """Render a test clock that is no more."""
    return {"id": clock_id, "object": "test_helpers.test_clock", "deleted": True}
