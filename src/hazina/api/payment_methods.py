"""Payment methods as the API shows them to a caller."""

from __future__ import annotations

from typing import Any

from hazina.clock import unix
from hazina.merchants.merchant import Caller
from hazina.payment_methods import service


def payment_method_view(caller: Caller, payment_method_id: str) -> dict[str, Any]:
    """Return one payment method. Refuses `resource_missing`."""
    merchant = caller.merchant
    return service.view(payment_method_id, unix(merchant.created), merchant.livemode)
