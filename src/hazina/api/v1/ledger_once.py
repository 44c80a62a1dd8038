"""Idempotency keys of the ledger's routes: the first answer is stored and replayed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hazina.api.route import Call, Result
from hazina.db.unit import Claim
from hazina.idempotency.service import Answer, success
from hazina.ledger.service import KeyTaken
from hazina.refusals import Refusal

Work = Callable[[tuple[Claim, ...]], Awaitable[dict[str, Any]]]
"""Books something, together with these claims, and returns what the client reads."""


async def once(call: Call, work: Work) -> Result:
    """Do the work, under the request's key if it has one.

    The ledger's ids make the work safe to repeat, so the key only decides about the answer: it is
    claimed in the unit that books, and answered in a second one. What a process that died in
    between left unanswered is sent to the ledger again. Refuses as `Idempotency.resolve` does.
    """
    request, keys = call.idempotency, call.core.idempotency
    if request is None:
        return await work(())
    try:
        given = await _answered(call, work, keys.claims(request))
    except KeyTaken:
        found = await keys.resolve(request)
        if isinstance(found, Answer):
            return found
        return await keys.take_over(request, found, await _answered(call, work, ()))
    return await keys.answer_first(request, given)


async def _answered(call: Call, work: Work, claims: tuple[Claim, ...]) -> Answer:
    try:
        return success(await work(claims))
    except Refusal as refusal:
        return call.core.idempotency.refused(refusal)
