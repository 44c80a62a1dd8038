"""Leaving out of a failing plan whatever it does not need to fail: delta debugging."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from tests.simulation.plan import Plan, Story

_T = TypeVar("_T")
Fails = Callable[[Plan], str | None]
"""Returns what is wrong with a plan's run, None if nothing is."""


def shrink(plan: Plan, fails: Fails, *, tries_max: int = 400) -> Plan:
    """Return a smaller plan that fails in the same way; the plan itself if there is none.

    The same way is the same words before the first colon: which promise was broken.
    """
    wanted = _kind(fails(plan))
    tries = 0
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(plan):
            tries += 1
            if tries > tries_max:
                return plan
            if _kind(fails(candidate)) == wanted:
                plan, smaller = candidate, True
                break
    return plan


def _kind(problem: str | None) -> str | None:
    return None if problem is None else ":".join(problem.split(":")[:2])


def _candidates(plan: Plan) -> Iterator[Plan]:
    """Return plans with one thing less, the largest first."""
    for place in range(len(plan.stories)):
        yield replace(plan, stories=_without(plan.stories, place))
    for place in range(len(plan.troubles)):
        yield replace(plan, troubles=_without(plan.troubles, place))
    for fate, rate in plan.rates.items():
        if rate:
            yield replace(plan, rates={**plan.rates, fate: 0.0})
    if plan.database_troubled:
        yield replace(plan, database_troubled=0.0)
    if any(plan.skews_ms):
        yield replace(plan, skews_ms=(0,) * len(plan.skews_ms))
    if plan.webhooks:
        yield replace(plan, webhooks=False)
    if plan.days:
        yield replace(plan, days=0)
    for place, story in enumerate(plan.stories):
        for smaller in _shorter(story):
            yield replace(plan, stories=_with(plan.stories, place, smaller))


def _shorter(story: Story) -> Iterator[Story]:
    for place, step in enumerate(story.steps):
        if len(story.steps) > 1:
            yield replace(story, steps=_without(story.steps, place))
        if step.copies > 1:
            yield replace(story, steps=_with(story.steps, place, replace(step, copies=1)))
        if "metadata[sandbox_fault]" in step.fields:
            fields = {k: v for k, v in step.fields.items() if k != "metadata[sandbox_fault]"}
            yield replace(story, steps=_with(story.steps, place, replace(step, fields=fields)))


def _without(items: tuple[_T, ...], place: int) -> tuple[_T, ...]:
    return items[:place] + items[place + 1 :]


def _with(items: tuple[_T, ...], place: int, item: _T) -> tuple[_T, ...]:
    return (*items[:place], item, *items[place + 1 :])
