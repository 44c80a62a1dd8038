"""Runs the official Stripe CLI against a server on this machine."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CLIENTS = Path(__file__).parents[1] / "clients" / "node"
BINARY = CLIENTS / "node_modules" / "@stripe" / "cli-linux-x64" / "bin" / "stripe"
EVENTS = (
    "payment_intent.created",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.amount_capturable_updated",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "charge.succeeded",
    "charge.failed",
    "charge.refunded",
    "charge.captured",
    "balance.available",
    "charge.refund.updated",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.source.created",
    "customer.source.updated",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "setup_intent.created",
    "setup_intent.succeeded",
    "setup_intent.canceled",
    "setup_intent.setup_failed",
    "setup_intent.requires_action",
    "product.created",
    "product.updated",
    "product.deleted",
    "price.created",
    "price.updated",
    "checkout.session.expired",
    "payment_link.created",
    "payment_link.updated",
)
# The CLI looks for a newer version of itself: this sends that look-up to where nothing listens.
# Requests to loopback are not affected, because Go never uses a proxy for them.
_CLOSED_PROXY = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """What one run of the CLI ended with; code 124 stands for the time limit."""

    event: str
    returncode: int
    stdout: str
    stderr: str

    @property
    def succeeded(self) -> bool:
        """Say whether the CLI itself was content."""
        return self.returncode == 0 and "Trigger succeeded" in self.stdout + self.stderr


def skip_reason() -> str | None:
    """Return why the CLI cannot run here, or None when it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the Stripe CLI package in use is for Linux on x86-64"
    if not BINARY.is_file():
        return f"the Stripe CLI is absent: run npm ci in {CLIENTS.relative_to(CLIENTS.parents[2])}"
    return None


def run_trigger(
    event: str, api_key: str, base_url: str, *, timeout_seconds: float = 30.0
) -> TriggerResult:
    """Run `stripe trigger` for one event.

    The CLI gets an empty home and an environment of its own, so that it neither reads nor writes
    anything of the user's and reports to nobody.
    """
    with tempfile.TemporaryDirectory(prefix="stripe-cli-") as home:
        command = [str(BINARY), "trigger", event, "--api-key", api_key, "--api-base", base_url]
        try:
            done = subprocess.run(
                command,
                env=_environment(home),
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as stopped:
            return TriggerResult(event, 124, _text(stopped.stdout), _text(stopped.stderr))
    return TriggerResult(event, done.returncode, done.stdout, done.stderr)


def _environment(home: str) -> dict[str, str]:
    return {
        "HOME": home,
        "XDG_CONFIG_HOME": f"{home}/config",
        "PATH": "/usr/bin:/bin",
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "STRIPE_CLI_NO_PLUGIN_AUTO_INSTALL": "1",
        "HTTP_PROXY": _CLOSED_PROXY,
        "HTTPS_PROXY": _CLOSED_PROXY,
        "NO_COLOR": "1",
    }


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
