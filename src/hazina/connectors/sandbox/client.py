"""Asks the sandbox provider, once, and turns whatever happens into an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from hazina.connectors.sandbox import callbacks, mapping
from hazina.connectors.sandbox.settings import SandboxSettings
from hazina.rails.contract import Callback, Capabilities, Operation, OperationRequest
from hazina.rails.outcome import InquiryOutcome, NotSent, Outcome, Unknown
from hazina.rails.transport import NeverSent, NoAnswer, Transport

_JSON = {"content-type": "application/json"}
_NO_HEADERS: dict[str, str] = {}


class SandboxConnector:
    """One account at the sandbox provider. See `rails.contract.Connector`."""

    name = "sandbox"

    def __init__(self, settings: SandboxSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._operations_url = f"{settings.url}/v1/operations"
        self.capabilities = Capabilities(
            operations=frozenset(Operation),
            inquiry_not_found_is_definitive=True,
            not_found_window_ms=settings.not_found_window_ms,
            inquiry_schedule_ms=settings.inquiry_schedule_ms,
            calls_in_flight_max=settings.calls_in_flight_max,
            call_timeout_ms=settings.call_timeout_ms,
            captures_max=50,
        )

    async def perform(self, request: OperationRequest) -> Outcome:
        """Ask once. Never repeats by itself."""
        body = mapping.request_body(request)
        try:
            reply = await self._transport.request(
                "POST", self._operations_url, _JSON, body, self._settings.call_timeout_ms
            )
        except NeverSent as failure:
            return NotSent(mapping.scrubbed(str(failure)))
        except NoAnswer as failure:
            return Unknown(mapping.scrubbed(str(failure)), "no_answer")
        return mapping.outcome(request, reply.status, reply.body)

    async def inquire(self, request: OperationRequest) -> InquiryOutcome:
        """Ask what became of `request.reference`; never makes anything happen.

        An inquiry that did not get through is `Unknown`: it proves nothing about the operation.
        """
        url = f"{self._operations_url}/{quote(request.reference, safe='')}"
        try:
            reply = await self._transport.request(
                "GET", url, _NO_HEADERS, b"", self._settings.call_timeout_ms
            )
        except (NeverSent, NoAnswer) as failure:
            return Unknown(mapping.scrubbed(f"inquiry: {failure}"), "no_answer")
        return mapping.inquiry_outcome(request, reply.status, reply.body)

    def read_callback(self, headers: Mapping[str, str], body: bytes, now_unix: int) -> Callback:
        """Verify and parse a callback. Raises `CallbackRefused`."""
        return callbacks.read(self._settings.callback_secret, headers, body, now_unix)

    async def close(self) -> None:
        """Let go of connections. The transport is its maker's to close."""
