"""What merchants are told besides webhooks: in the log, and by mail where a server is set."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog

from hazina.bootstrap.settings import Settings
from hazina.clock import Clock
from hazina.db.reader import Reader
from hazina.mail.post import Post
from hazina.webhooks.health import Disabled

_log = structlog.get_logger(__name__)
_WHY = {
    "failing": "Every attempt to deliver a webhook there has failed for days.",
    "gone": "It answered 410 Gone, by which a receiver asks for no further webhooks.",
}
_TEXT = """\
The webhook endpoint {endpoint} of {name} was disabled.

  Address: {address}
  Reason:  {why}

Events go on being recorded. Mend the receiver and enable the endpoint again; then have what was
missed sent once more:

  POST /v1/webhook_endpoints/{endpoint}                disabled=false
  POST /v1/hazina/webhook_endpoints/{endpoint}/replay  what=failed

What was recorded while it was disabled: the same replay with what=all and created[gte]=<when>.
"""


async def told_in_the_log(disabled: Disabled) -> None:
    """Leave a line for the operator, who tells the merchant."""
    _log.warning(
        "webhook_endpoint_disabled", merchant=disabled.merchant_id, endpoint=disabled.endpoint,
        reason=disabled.reason,
    )  # fmt: skip


class Notices:
    """Tells a merchant by mail that an endpoint was disabled, and the operator beside it."""

    def __init__(self, settings: Settings, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._operator = settings.mail_operator
        chosen = settings.mail
        self._post = None if chosen is None else Post(chosen, clock)

    async def disabled(self, disabled: Disabled) -> None:
        """Write the log's line and hand the mails in; nobody waits until they are sent."""
        await told_in_the_log(disabled)
        if self._post is None:
            return
        row = await self._reader.get("merchant", (disabled.merchant_id,))
        to = dict.fromkeys(one for one in (row and row["email"], self._operator) if one)
        name = row["business_name"] if row else disabled.merchant_id
        text = _TEXT.format(
            endpoint=disabled.endpoint, name=name, address=_address(disabled.url),
            why=_WHY[disabled.reason],
        )  # fmt: skip
        for one in to:
            self._post.send([one], f"Webhook endpoint {disabled.endpoint} was disabled", text)

    async def close(self) -> None:
        """Let mails that are being sent end."""
        if self._post is not None:
            await self._post.close()


def _address(url: str) -> str:
    """Return an address without what may be a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
