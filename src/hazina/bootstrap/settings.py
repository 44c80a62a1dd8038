"""Settings of a process, from HAZINA_* environment variables."""

from __future__ import annotations

from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from hazina.egress.addresses import AddressPolicy
from hazina.mail.post import MailSettings

_OWED_MS_MAX = 86_400_000


class UnsafeSettings(ValueError):
    """With these settings money could be lost; the message says what to change."""


class Settings(BaseSettings):
    """Everything that differs from one installation to another. Durations in milliseconds."""

    model_config = SettingsConfigDict(env_prefix="HAZINA_", extra="ignore")

    database_url: str = ""
    """Of the primary; empty for the embedded PostgreSQL."""
    pepper: str = ""
    """Keys the hash under which API keys are stored; made on the first start by `serve`."""
    simulator_url: str = "http://127.0.0.1:8421"
    callback_secret: str = ""
    public_url: str = "http://127.0.0.1:8420"
    """Where clients and customers' browsers reach us: the address of the pages that we host."""
    deadline_ms: int = 8_000
    """How long a request waits for a provider before it answers `processing`."""
    call_timeout_ms: int = 10_000
    command_lease_ms: int = 25_000
    key_lease_ms: int = 30_000
    inquiry_lease_ms: int = 20_000
    not_found_window_ms: int = 60_000
    """Before so much time has passed, not-found proves nothing."""
    transit_max_ms: int = 30_000
    """How long a request that we gave up may still be on its way: in proxies, in queues."""
    authorization_owed_ms: int = 300_000
    """For how long an authorization that provably never happened is still sent; 0 is never.

    Long enough for the proof, which the preset window and schedule have within 205 s.
    """
    inquiry_schedule_ms: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 120_000, 600_000)
    rate_read_per_minute: int = 30_000
    rate_write_per_minute: int = 30_000
    """How many requests one API key may send; 0 is no limit."""
    rate_burst_seconds: int = 2
    """How much of the rate may come at once."""
    redis_url: str = ""
    """Where the counts of requests are shared by all processes; empty: each counts for itself."""
    requests_max: int = 4_096
    """How many requests of /v1 may be under way in a process; those beyond are answered 503."""
    reader_connections: int = 4
    """How many reads go on at once, and as many searches."""
    callbacks_at_once_max: int = 16
    """How many callbacks a worker applies side by side."""
    worker: dict[str, int] = {}
    """Numbers of the worker's loops by name, as JSON: {"janitor_limit": 50}."""
    operator_account: str = ""
    """The account whose keys may look after callbacks at /v1/hazina/inbox; empty: nobody's."""
    read_timeout_ms: int = 5_000
    """How long one read of PostgreSQL may take before it counts as not answered."""
    kafka_brokers: str = ""
    """Where events are relayed to, `host:port,...`; empty: nowhere."""
    kafka_topic_prefix: str = "hazina"
    kafka_partitions: int = 12
    """Of topics that the relay makes; those that exist stay as they are."""
    kafka_options: dict[str, str] = {}
    """Further settings of the client library, such as those of TLS and SASL, as JSON."""
    webhook_allowed_networks: str = ""
    """Private networks that webhooks may go to, as `127.0.0.0/8,10.1.0.0/16`; for development."""
    webhook_timeout_ms: int = 15_000
    """How long a receiver of a webhook may take, to connect and to answer."""
    keep_deliveries_days: int = 30
    """How long delivered webhooks and their attempts are kept."""
    keep_callbacks_days: int = 90
    """How long callbacks that were applied are kept."""
    smtp_host: str = ""
    """The mail server that tells of disabled endpoints; empty: the log alone does."""
    smtp_port: int = 587
    smtp_from: str = ""
    smtp_tls: Literal["starttls", "tls", "off"] = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    mail_operator: str = ""
    """Who is told beside the merchant, whose own address is its account's."""

    @property
    def send_age_max_ms(self) -> int:
        """How old a lease may be when its command's first byte is sent: a call fits in after it."""
        return min(self.command_lease_ms, self.inquiry_lease_ms) - self.call_timeout_ms

    @property
    def docs_url(self) -> str:
        """Where the pages stand to which errors lead."""
        return f"{self.public_url.rstrip('/')}/docs"

    @property
    def mail(self) -> MailSettings | None:
        """Where mail is handed in; None where no server is set."""
        if not self.smtp_host:
            return None
        return MailSettings(
            self.smtp_host, self.smtp_port, self.smtp_from, self.smtp_tls, self.smtp_user,
            self.smtp_password,
        )  # fmt: skip

    @property
    def webhook_policy(self) -> AddressPolicy:
        """Which addresses webhooks may go to. Raises `UnsafeSettings`."""
        try:
            return AddressPolicy.reading(self.webhook_allowed_networks.split(","))
        except ValueError as error:
            raise UnsafeSettings(
                f"HAZINA_WEBHOOK_ALLOWED_NETWORKS: {error}. Write networks as 10.1.0.0/16, with "
                "commas between them."
            ) from None

    def check(self) -> None:
        """Refuse settings with which money could be lost. Raises `UnsafeSettings`."""
        if self.command_lease_ms <= self.call_timeout_ms + 2_000:
            raise UnsafeSettings(
                "HAZINA_COMMAND_LEASE_MS must exceed HAZINA_CALL_TIMEOUT_MS by more than 2000: a "
                "command must not be asked about while it may still be sent"
            )
        if self.inquiry_lease_ms <= self.call_timeout_ms + 1_000:
            raise UnsafeSettings(
                "HAZINA_INQUIRY_LEASE_MS must exceed HAZINA_CALL_TIMEOUT_MS by more than 1000: "
                "what is sent again holds that lease while it is sent"
            )
        if self.not_found_window_ms <= self.command_lease_ms:
            raise UnsafeSettings(
                "HAZINA_NOT_FOUND_WINDOW_MS must exceed HAZINA_COMMAND_LEASE_MS: not-found proves "
                "nothing while a command may still be sent"
            )
        self._check_transit()
        if not 0 <= self.authorization_owed_ms <= _OWED_MS_MAX:
            raise UnsafeSettings(
                f"HAZINA_AUTHORIZATION_OWED_MS is {self.authorization_owed_ms} and must be from 0 "
                f"(never) to {_OWED_MS_MAX} (a day): later, customers would be charged for what "
                "they gave up on"
            )
        _ = self.webhook_policy
        if self.smtp_host and not self.smtp_from:
            raise UnsafeSettings("HAZINA_SMTP_FROM is empty: mail needs an address it comes from")
        if not self.pepper:
            raise UnsafeSettings("HAZINA_PEPPER is empty: set it to 32 or more random characters")

    def _check_transit(self) -> None:
        """Refuse a window in which a request that is still on its way would be taken for lost."""
        sent_ms = self.send_age_max_ms + self.call_timeout_ms
        if self.not_found_window_ms <= sent_ms + self.transit_max_ms:
            raise UnsafeSettings(
                f"HAZINA_NOT_FOUND_WINDOW_MS is {self.not_found_window_ms} and must exceed "
                f"{sent_ms + self.transit_max_ms}: a command may be sent until the shorter of "
                f"HAZINA_COMMAND_LEASE_MS and HAZINA_INQUIRY_LEASE_MS is over ({sent_ms}), and "
                f"be on its way for HAZINA_TRANSIT_MAX_MS more ({self.transit_max_ms}); not-found "
                "proves nothing before. Raise the window. Lower the transit only if no proxy and "
                "no queue can hold a request back for so long"
            )
