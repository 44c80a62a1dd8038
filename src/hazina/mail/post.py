"""Sending mail over SMTP: in a thread of its own, tried again while the server is away."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Literal

import structlog

from hazina.clock import Clock
from hazina.values import value

_log = structlog.get_logger("hazina.mail")
_TIMEOUT_SECONDS = 20
_WAITING_MAX = 100
_GONE_FOR_GOOD = 500
"""SMTP's replies from here on are final (RFC 5321, section 4.2.1)."""

Tls = Literal["starttls", "tls", "off"]


@value
class MailSettings:
    """Where mail is handed in, and as whom."""

    host: str
    port: int
    sender: str
    tls: Tls
    user: str
    password: str
    pauses_ms: tuple[int, ...] = (5_000, 60_000, 600_000)
    """Between tries; after the last of them a mail is given up."""


class Post:
    """Takes mails and sends them in the background; whoever hands one in never waits for it.

    What is not sent when the process ends is lost: a mail repeats what an event has said.
    """

    def __init__(
        self, settings: MailSettings, clock: Clock, trusted: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._trusted = trusted
        # One thread: a server that hangs holds up mail and nothing else.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mail")
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, to: Sequence[str], subject: str, text: str) -> None:
        """Hand a mail in; beyond a hundred that wait it is dropped, and the log says so."""
        if len(self._under_way) >= _WAITING_MAX:
            _log.error("mail_dropped", subject=subject)
            return
        task = asyncio.create_task(self._deliver(to, subject, text), name=f"mail {subject}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self, within_ms: int = 5_000) -> None:
        """Let what is being sent end; give up what waits for another try."""
        if self._under_way:
            _, late = await asyncio.wait(set(self._under_way), timeout=within_ms / 1000)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _deliver(self, to: Sequence[str], subject: str, text: str) -> None:
        for pause_ms in (*self._settings.pauses_ms, None):
            problem = await self._try(to, subject, text)
            if problem is None:
                _log.info("mail_sent", subject=subject)
                return
            final = isinstance(problem, ValueError) or _is_final(problem)
            # Words of the server may quote the address or more; its code says enough.
            word = getattr(problem, "smtp_code", type(problem).__name__)
            if final or pause_ms is None:
                _log.error("mail_not_sent", subject=subject, problem=word)
                return
            _log.warning("mail_waits", subject=subject, problem=word)
            await self._clock.sleep_ms(pause_ms)

    async def _try(self, to: Sequence[str], subject: str, text: str) -> Exception | None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._hand_in, to, subject, text)
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            return problem
        return None

    def _hand_in(self, to: Sequence[str], subject: str, text: str) -> None:
        """Send one mail. Raises `OSError`, `SMTPException`, and ValueError for a bad address."""
        chosen = self._settings
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = chosen.sender, ", ".join(to), subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        with self._connected() as server:
            if chosen.user:
                server.login(chosen.user, chosen.password)
            server.send_message(message, chosen.sender, list(to))

    def _connected(self) -> smtplib.SMTP:
        chosen = self._settings
        trusted = self._trusted or ssl.create_default_context()
        if chosen.tls == "tls":
            return smtplib.SMTP_SSL(
                chosen.host, chosen.port, timeout=_TIMEOUT_SECONDS, context=trusted
            )
        server = smtplib.SMTP(chosen.host, chosen.port, timeout=_TIMEOUT_SECONDS)
        if chosen.tls == "starttls":
            try:
                server.starttls(context=trusted)
            except BaseException:
                server.close()
                raise
        return server


def _is_final(problem: Exception) -> bool:
    match problem:
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in problem.recipients.values()]
            return all(code >= _GONE_FOR_GOOD for code in codes)
        case smtplib.SMTPResponseException():
            return problem.smtp_code >= _GONE_FOR_GOOD
        case smtplib.SMTPNotSupportedError() | ssl.SSLCertVerificationError():
            return True
        case _:
            return False
