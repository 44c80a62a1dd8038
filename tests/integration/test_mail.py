"""Mail about disabled endpoints, handed in at a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hazina.bootstrap.settings import Settings
from hazina.clock import SystemClock
from hazina.db.unit import Insert, Unit
from hazina.mail.post import MailSettings, Post, Tls
from hazina.webhooks.health import Disabled
from hazina.workers.notices import Notices
from tests.support.certificates import certificate
from tests.support.relays import parts_over
from tests.support.smtp_server import SmtpServer, smtp_server


def _post(
    server: SmtpServer, *pauses_ms: int, user: str = "", tls: Tls = "off",
    trusted: ssl.SSLContext | None = None,
) -> Post:  # fmt: skip
    settings = MailSettings(
        "127.0.0.1", server.port, "hazina@pay.test", tls, user, "secret" if user else "", pauses_ms
    )
    return Post(settings, SystemClock(), trusted)


async def _problem(post: Post) -> str:
    """Hand a mail in that is given up; return the word that the log has for it."""
    with capture_logs() as logs:
        post.send(["amina@duka.test"], "hello", "text")
        await _until(lambda: any(one["event"] == "mail_not_sent" for one in logs))
    await post.close()
    assert [one["event"] for one in logs] == ["mail_not_sent"], "it is tried once"
    return str(logs[0]["problem"])


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not reached():
            await asyncio.sleep(0.01)


async def test_merchant_and_operator_are_told_of_a_disabled_endpoint(
    fresh_database_url: str,
) -> None:
    merchant = {
        "merchant_id": "acct_1_test", "account_id": "acct_1", "livemode": False, "country": "KE",
        "default_currency": "kes", "business_name": "Duka", "email": "amina@duka.test",
        "fee_basis_points": 0, "overdraft_minor": 0, "created": SystemClock().now(),
        "is_platform": False, "platform": None, "rejected": None, "details": {}, "metadata": {},
        "revision": 1,
    }  # fmt: skip
    async with smtp_server() as server, parts_over(fresh_database_url) as (reader, writer):
        await writer.submit(Unit("acct_1_test", writes=(Insert("merchant", merchant),)))
        settings = Settings(
            smtp_host="127.0.0.1", smtp_port=server.port, smtp_from="hazina@pay.test",
            smtp_tls="off", smtp_user="hazina", smtp_password="secret",
            mail_operator="ops@pay.test",
        )  # fmt: skip
        notices = Notices(settings, reader, SystemClock())
        url = "https://user:pw@duka.test/hook?token=abc"

        await notices.disabled(Disabled("acct_1_test", "we_1", url, "gone"))

        await _until(lambda: len(server.mails) == 2)
        await notices.close()
    assert set(server.recipients) == {"amina@duka.test", "ops@pay.test"}
    assert set(server.logins) == {"\0hazina\0secret"}
    mail = server.mails[0]
    assert mail["From"] == "hazina@pay.test"
    assert mail["Subject"] == "Webhook endpoint we_1 was disabled"
    text = mail.get_content()
    assert "https://duka.test/hook" in text
    assert "410 Gone" in text
    assert "token" not in text
    assert "pw" not in text


async def test_a_server_that_is_away_or_busy_is_tried_again() -> None:
    async with smtp_server() as server:
        port = server.port
    away = SmtpServer(port)
    post = _post(away, *[50] * 100)
    post.send(["amina@duka.test"], "hello", "text")
    await asyncio.sleep(0.2)
    listening = await asyncio.start_server(away.serve, "127.0.0.1", port)
    async with listening:
        away.answers = ["451 busy"]
        await _until(lambda: bool(away.mails))
        await post.close()
    assert away.connections == 2


@pytest.mark.parametrize("to", ["nobody@duka.test", "amina@duka.test\r\nBcc: all@duka.test"])
async def test_a_mail_that_nobody_will_take_is_given_up_at_once(to: str) -> None:
    async with smtp_server() as server:
        server.answers = ["550 no such user"]
        post = _post(server, 10_000)
        with capture_logs() as logs:
            post.send([to], "hello", "text")
            await _until(lambda: any(one["event"] == "mail_not_sent" for one in logs))
        await post.close()
    assert server.mails == []


async def test_whoever_hands_a_mail_in_does_not_wait_for_a_server_that_hangs() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listening:
        post = _post(SmtpServer(listening.sockets[0].getsockname()[1]), 10_000)
        with capture_logs() as logs:
            for _ in range(101):
                post.send(["amina@duka.test"], "hello", "text")
            assert [one["event"] for one in logs] == ["mail_dropped"]
        await post.close(within_ms=10)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_mail_and_password_travel_in_tls_alone(tmp_path: Path, tls: Tls) -> None:
    presented, trusted = await certificate(tmp_path, "IP:127.0.0.1")
    async with smtp_server(presented, at_once=tls == "tls") as server:
        post = _post(server, user="hazina", tls=tls, trusted=trusted)
        post.send(["amina@duka.test"], "hello", "text")
        await _until(lambda: bool(server.mails))
        await post.close()
    assert server.logins == ["\0hazina\0secret"]
    assert [line.split(" ")[0] for line in server.clear] == (
        ["ehlo", "STARTTLS"] if tls == "starttls" else []
    )


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_server_whose_certificate_nobody_vouches_for_is_told_nothing(
    tmp_path: Path, tls: Tls
) -> None:
    presented, _ = await certificate(tmp_path, "IP:127.0.0.1")
    async with smtp_server(presented, at_once=tls == "tls") as server:
        post = _post(server, 10_000, user="hazina", tls=tls)
        assert await _problem(post) == "SSLCertVerificationError"
    assert (server.mails, server.recipients, server.logins) == ([], [], [])


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_of_another_name_is_refused(tmp_path: Path, tls: Tls) -> None:
    presented, trusted = await certificate(tmp_path, "DNS:mail.test", "IP:127.0.0.2")
    async with smtp_server(presented, at_once=tls == "tls") as server:
        post = _post(server, 10_000, user="hazina", tls=tls, trusted=trusted)
        assert await _problem(post) == "SSLCertVerificationError"
    assert (server.mails, server.recipients, server.logins) == ([], [], [])


async def test_a_server_that_offers_no_starttls_is_told_nothing() -> None:
    """As it looks when somebody in between has taken the offer away."""
    async with smtp_server() as server:
        post = _post(server, 10_000, user="hazina", tls="starttls")
        assert await _problem(post) == "SMTPNotSupportedError"
    assert [line.split(" ")[0] for line in server.clear] == ["ehlo"]


async def test_a_server_that_cannot_begin_tls_now_is_tried_again(tmp_path: Path) -> None:
    presented, trusted = await certificate(tmp_path, "IP:127.0.0.1")
    async with smtp_server(presented) as server:
        server.to_starttls = ["454 not now"]
        post = _post(server, 10, user="hazina", tls="starttls", trusted=trusted)
        post.send(["amina@duka.test"], "hello", "text")
        await _until(lambda: bool(server.mails))
        await post.close()
    assert server.connections == 2
    assert [line.split(" ")[0] for line in server.clear] == ["ehlo", "STARTTLS"] * 2


async def test_a_server_without_tls_where_tls_is_set_is_told_nothing(tmp_path: Path) -> None:
    async with smtp_server() as server:
        post = _post(server, user="hazina", tls="tls")
        assert await _problem(post) == "SSLError"
    assert (server.mails, server.logins) == ([], [])
