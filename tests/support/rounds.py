"""The same work measured by turns without and with a fault, in one run, and compared."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

P99_RATIO_MAX = 1.2
"""How many times as long other work may take while something is broken."""


@dataclass(slots=True)
class Rounds:
    """Pairs of p99s, each of a healthy turn and the broken one after it.

    What else the machine does strikes both turns of a pair alike, and the median of the pairs'
    ratios forgets a pair of which it struck one.
    """

    pairs: list[tuple[float, float]] = field(default_factory=list)

    def add(self, healthy: Sequence[float], broken: Sequence[float]) -> None:
        """Take the seconds that each piece of work took in one turn and in the other."""
        self.pairs.append((p99(healthy), p99(broken)))

    @property
    def ratio(self) -> float:
        """How many times as long the broken turns' p99 was, in the median pair."""
        return statistics.median(broken / healthy for healthy, broken in self.pairs)

    def figure(self) -> str:
        """Say the ratio and, in milliseconds, what it is made of."""
        middle = [1_000 * statistics.median(times) for times in zip(*self.pairs, strict=True)]
        return (
            f"p99 {self.ratio:.2f} times as long ({middle[1]:.0f} ms, else {middle[0]:.0f} ms; "
            f"median of {len(self.pairs)} rounds)"
        )


def p99(times: Sequence[float]) -> float:
    """Return what 99 of 100 do not exceed."""
    return statistics.quantiles(times, n=100)[98]
