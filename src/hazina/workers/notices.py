"""What merchants are told besides webhooks; a mail, once somebody connects one."""

from __future__ import annotations

import structlog

from hazina.webhooks.health import Disabled

_log = structlog.get_logger(__name__)


async def told_in_the_log(disabled: Disabled) -> None:
    """Leave a line for the operator, who tells the merchant."""
    _log.warning(
        "webhook_endpoint_disabled", merchant=disabled.merchant_id, endpoint=disabled.endpoint,
        reason=disabled.reason,
    )  # fmt: skip
