"""One door to idempotency keys: claim in unit 1, answer in unit 2, replay ever after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.db.table import Row
from hazina.db.unit import Claim, Committed, Delete, RowVersion, Taken, Unit, Update
from hazina.db.writer import Writer, commit
from hazina.refusals import Code, Refusal
from hazina.refusals_view import envelope
from hazina.values import replace, value

TABLE = "idempotency_key"
_PURGE_AFTER = timedelta(hours=25)
_COMPLETIONS_MAX = 4
_LEASE_MS = 30_000
_LOOKS_MAX = 2


@value
class IdempotencyRequest:
    """The key that a client sent with a request, and the digest of what it asked for."""

    merchant_id: str
    route: str
    key: str
    digest: bytes
    request_id: str = ""
    """Of this request; replays name the one that was carried out."""

    @property
    def row_key(self) -> tuple[str, str, str]:
        return (self.merchant_id, self.route, self.key)


@value
class Answer:
    """What the client reads: the exact bytes, and the refusal's code if it is one."""

    code: str | None
    body: bytes
    replayed: bool = False
    original_request: str = ""
    """The request that a replayed answer was given to first."""


@value
class Held:
    """A key that this process holds: where its answer must be written."""

    request: IdempotencyRequest
    version: int
    fence: int = 1


Finish = Callable[[Held, str], Awaitable[Answer]]
"""Answers a key whose process is gone, and stores that: with what became of its operation."""


def success(view: dict[str, Any]) -> Answer:
    """Render an object as an answer."""
    return Answer(None, orjson.dumps(view))


def claim(
    request: IdempotencyRequest | None, operation: str, lease_ms: int, now: datetime
) -> tuple[Claim, ...]:
    """Claim the key for an operation that will be answered later, named by its command."""
    if request is None:
        return ()
    return (Claim(TABLE, _row(request, operation, now, lease_ms=lease_ms)),)


def claim_answered(
    request: IdempotencyRequest | None, operation: str, answer: Answer, now: datetime
) -> tuple[Claim, ...]:
    """Claim the key together with its answer, for work that is one unit."""
    if request is None:
        return ()
    row = _row(request, operation, now, lease_ms=None)
    return (Claim(TABLE, row | {"answered": True, "code": answer.code, "body": answer.body}),)


def answer(held: Held | None, given: Answer) -> tuple[tuple[RowVersion, ...], tuple[Update, ...]]:
    """Store the answer of a held key: what to rely on and what to write."""
    if held is None:
        return (), ()
    key = held.request.row_key
    changes: dict[str, Any] = {"answered": True, "code": given.code, "body": given.body}
    if held.fence > 1:
        changes["fence"] = held.fence
    return (
        (RowVersion(TABLE, key, held.version),),
        (Update(TABLE, key, held.version, changes),),
    )


def _row(
    request: IdempotencyRequest, operation: str, now: datetime, lease_ms: int | None
) -> dict[str, Any]:
    return {
        "merchant_id": request.merchant_id, "route": request.route, "key": request.key,
        "digest": request.digest, "request_id": request.request_id, "operation": operation,
        "lease_until": lease_ms, "fence": 1, "answered": False, "code": None, "body": None,
        "created": now,
    }  # fmt: skip


class Decided(Protocol):
    """What `run_once` wants from a decision: a unit without its claim, and the body to answer."""

    @property
    def unit(self) -> Unit: ...
    @property
    def body(self) -> dict[str, Any]: ...


@value
class OneUnit:
    """The plain decision of a single-unit service."""

    unit: Unit
    body: dict[str, Any]


class Idempotency:
    """Looks up, replays, takes over and purges keys."""

    def __init__(self, reader: Reader, writer: Writer, clock: Clock, docs_url: str) -> None:
        """`docs_url` is where the pages stand to which refusals lead, as clients reach them."""
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._docs_url = docs_url

    def refused(self, refusal: Refusal) -> Answer:
        """Render a refusal as an answer."""
        return Answer(refusal.code.value, orjson.dumps(envelope(refusal, self._docs_url)))

    async def resolve(self, request: IdempotencyRequest) -> Answer | Row:
        """Return the stored answer of a taken key, or its row when the lease has run out.

        Refuses `idempotency_key_reused` (other parameters) and `idempotency_key_in_use`.
        """
        row = await self._row(request)
        if row is None:
            raise _in_use()
        if bytes(row["digest"]) != request.digest:
            raise Refusal(
                Code.IDEMPOTENCY_KEY_REUSED,
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{request.key}' if you meant to "
                "execute a different request.",
            )
        if row["answered"]:
            original = row["request_id"] or ""
            return Answer(row["code"], bytes(row["body"]), replayed=True, original_request=original)
        if not row["expired"]:
            raise _in_use()
        return row

    async def still_held(self, held: Held | None) -> Held | None:
        """Return where our answer goes, or None when another process answered for us."""
        if held is None:
            return None
        row = await self._reader.get(TABLE, held.request.row_key)
        return held if row is not None and row["version"] == held.version else None

    async def answer_of(self, held: Held | None, kept: Held | None, given: Answer) -> Answer:
        """Return what who held a key must answer: what another stored once it was `kept` no more.

        So that all who sent the key read the same bytes, also who waited for longer than its lease.
        """
        if held is None or kept is not None:
            return given
        stored = await self.resolve(held.request)
        return stored if isinstance(stored, Answer) else given

    async def answer_refused(
        self, request: IdempotencyRequest | None, refusal: Refusal, finish: Finish
    ) -> Answer:
        """Answer an operation that was refused: perhaps by the very work that it repeats.

        Raises the refusal again if it is of the moment, and so is not stored.
        """
        if request is not None and await self._row(request) is not None:
            return await self.answer_taken(request, finish)
        if refusal.code in (Code.LOCK_TIMEOUT, Code.OPERATION_IN_PROGRESS, Code.OVERLOADED):
            raise refusal
        return await self.store(request, self.refused(refusal))

    async def answer_taken(self, request: IdempotencyRequest, finish: Finish) -> Answer:
        """Replay, or answer for a process that died with what became of its operation.

        Refuses as `resolve` does.
        """
        found = await self.resolve(request)
        if isinstance(found, Answer):
            return found
        held = Held(request, found["version"], found["fence"] + 1)
        given = await finish(held, found["operation"])
        # Another may have been quicker: then that one's answer stands.
        stored = await self.resolve(request)
        return stored if isinstance(stored, Answer) else given

    async def _row(self, request: IdempotencyRequest) -> Row | None:
        rows = await self._reader.query(
            "idempotency_lookup",
            {"merchant_id": request.merchant_id, "route": request.route, "key": request.key},
        )
        return rows[0] if rows else None

    async def store(self, request: IdempotencyRequest | None, given: Answer) -> Answer:
        """Store an answer under a fresh key; if another came first, return that one's."""
        if request is None:
            return given
        now = self._clock.now()
        unit = Unit(merchant_id=request.merchant_id, claims=claim_answered(request, "", given, now))
        if isinstance(await self._writer.submit(unit), Taken):
            found = await self.resolve(request)
            return found if isinstance(found, Answer) else given
        return given

    async def take_over(self, request: IdempotencyRequest, row: Row, given: Answer) -> Answer:
        """Answer for a process that died: fence up, and store what is true now."""
        version = RowVersion(TABLE, request.row_key, row["version"])
        changes = {
            "fence": row["fence"] + 1, "answered": True, "code": given.code, "body": given.body,
        }  # fmt: skip
        unit = Unit(
            merchant_id=request.merchant_id,
            relies_on=(version,),
            writes=(Update(TABLE, request.row_key, row["version"], changes),),
        )
        await self._writer.submit(unit)
        found = await self.resolve(request)
        return found if isinstance(found, Answer) else given

    async def complete(
        self,
        request: IdempotencyRequest,
        given: Answer,
        render: Callable[[bytes], Awaitable[bytes]],
    ) -> bytes:
        """Return the answer's body as `render` completes it, and store it for every replay.

        `render` leaves a body alone that it has completed before.
        """
        rendered = given.body
        for _ in range(_COMPLETIONS_MAX):
            row = await self._row(request)
            if row is None or not row["answered"]:
                return await render(given.body)
            stored = bytes(row["body"])
            rendered = await render(stored)
            if rendered == stored:
                break
            key, version = request.row_key, row["version"]
            unit = Unit(
                merchant_id=request.merchant_id,
                relies_on=(RowVersion(TABLE, key, version),),
                writes=(Update(TABLE, key, version, {"body": rendered}),),
            )
            if isinstance(await self._writer.submit(unit), Committed):
                break
        return rendered

    async def run_once(
        self,
        request: IdempotencyRequest | None,
        merchant_id: str,
        load: Callable[[], Awaitable[Any]],
        decide: Callable[[Any], Decided],
    ) -> Answer:
        """Do work that is one unit of work, once per key; store refusals too."""

        def claimed(state: Any) -> OneUnit:
            decision = decide(state)
            rendered = success(decision.body)
            operation = str(decision.body.get("id", ""))
            claims = claim_answered(request, operation, rendered, self._clock.now())
            unit = replace(decision.unit, claims=decision.unit.claims + claims)
            return OneUnit(unit, decision.body)

        for _ in range(_LOOKS_MAX):
            try:
                decision, verdict = await commit(self._writer, load, claimed)
            except Refusal as refusal:
                if refusal.code is Code.LOCK_TIMEOUT:
                    raise
                return await self.store(request, self.refused(refusal))
            if not isinstance(verdict, Taken):
                return success(decision.body)
            if verdict.claim.table == TABLE and request is not None:
                found = await self.resolve(request)
                if isinstance(found, Answer):
                    return found
                raise _in_use()
            # Somebody took what this work claims since it was looked for: a second look finds it.
        raise Refusal(
            Code.LOCK_TIMEOUT,
            "This object is being changed by other requests. Send the request again.",
        )

    def claims(self, request: IdempotencyRequest) -> tuple[Claim, ...]:
        """Claim a key for work that another process may do again once the lease is over."""
        return claim(request, "", _LEASE_MS, self._clock.now())

    async def answer_first(self, request: IdempotencyRequest, given: Answer) -> Answer:
        """Store the answer of a key that was claimed just now, unless another process has."""
        relies_on, writes = answer(Held(request, 1), given)
        unit = Unit(merchant_id=request.merchant_id, relies_on=relies_on, writes=writes)
        await self._writer.submit(unit)
        return given

    async def purge(self) -> int:
        """Remove keys older than 25 hours, a few hundred at a time; return how many."""
        before = self._clock.now() - _PURGE_AFTER
        rows = await self._reader.query("idempotency_old", {"before": before})
        for row in rows:
            key = (row["merchant_id"], row["route"], row["key"])
            await self._writer.submit(
                Unit(
                    merchant_id=row["merchant_id"],
                    relies_on=(RowVersion(TABLE, key, row["version"]),),
                    writes=(Delete(TABLE, key, row["version"]),),
                )
            )
        return len(rows)


def _in_use() -> Refusal:
    return Refusal(
        Code.IDEMPOTENCY_KEY_IN_USE,
        "There is currently another in-progress request using this Idempotency Key. "
        "Try the same request again shortly, with the same key.",
    )
