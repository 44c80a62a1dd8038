"""A small SMTP server on loopback, which takes mail, refuses it or is too busy, as it is told.

With a certificate it speaks TLS, from the start or after STARTTLS, and asks for a login only then.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(slots=True)
class SmtpServer:
    """What came in; `answers` are replies to the next recipients, then all are taken.

    `to_starttls` are replies to the next clients that ask for TLS, then it begins. `clear` is what
    was said without TLS.
    """

    port: int = 0
    tls: ssl.SSLContext | None = None
    to_starttls: list[str] = field(default_factory=list)
    clear: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client until it quits."""
        self.connections += 1

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 mail.test")
        while line := (await self._line(reader)):
            secured = writer.get_extra_info("ssl_object") is not None
            if not secured:
                self.clear.append(line)
            match line.split(" ")[0].upper():
                case "EHLO":
                    say("250-mail.test")
                    say("250 STARTTLS" if self.tls and not secured else "250 AUTH PLAIN")
                case "STARTTLS" if self.tls and not self.to_starttls:
                    say("220 go on")
                    try:
                        await writer.start_tls(self.tls)
                    except OSError:
                        break  # The client does not trust us.
                case "STARTTLS":
                    say(self.to_starttls.pop(0) if self.to_starttls else "502 what?")
                case "AUTH":
                    self.logins.append(b64decode(line.split(" ")[2]).decode())
                    say("235 welcome")
                case "RCPT":
                    reply = self.answers.pop(0) if self.answers else "250 taken"
                    if reply.startswith("2"):
                        self.recipients.append(line.split("<")[1].split(">")[0])
                    say(reply)
                case "DATA":
                    say("354 go on")
                    content = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                    self.mails.append(message_from_bytes(content, policy=policy.default))
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("250 fine")
        writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> str:
        try:
            return (await reader.readline()).decode().strip()
        except OSError:
            return ""  # As if it had hung up; TLS calls a client that trusts nobody an error.


@asynccontextmanager
async def smtp_server(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> AsyncIterator[SmtpServer]:
    """Yield a listening server; `at_once` is TLS from the start."""
    made = SmtpServer(tls=tls)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls if at_once else None)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
