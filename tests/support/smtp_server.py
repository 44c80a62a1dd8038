"""A small SMTP server on loopback, which takes mail, refuses it or is too busy, as it is told."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(slots=True)
class SmtpServer:
    """What came in; `answers` are replies to the next recipients, then all are taken."""

    port: int = 0
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
        while line := (await reader.readline()).decode().strip():
            match line.split(" ")[0].upper():
                case "EHLO":
                    say("250-mail.test")
                    say("250 AUTH PLAIN")
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


@asynccontextmanager
async def smtp_server() -> AsyncIterator[SmtpServer]:
    """Yield a listening server."""
    made = SmtpServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
