"""Read from the npm package's declarations which fields Stripe always sends, null included.

The Python package writes `Optional[T]` both for a field that is always there and may be null and
for a field that is left out when it has no value. The npm package of the same API version tells
them apart (`T | null` against `name?: T`), so the difference is read there once and kept as data
next to this file.

Run `python -m tests.support.stripe_presence` after raising the version of either package.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

DECLARATIONS = (
    Path(__file__).parents[1] / "clients" / "node" / "node_modules" / "stripe" / "esm" / "resources"
)
DATA = Path(__file__).with_suffix(".json")
SOURCES = {
    "Account": "Accounts",
    "Balance": "Balance",
    "BalanceTransaction": "BalanceTransactions",
    "Card": "Cards",
    "Charge": "Charges",
    "Customer": "Customers",
    "Event": "Events",
    "LineItem": "LineItems",
    "PaymentIntent": "PaymentIntents",
    "PaymentLink": "PaymentLinks",
    "PaymentMethod": "PaymentMethods",
    "Price": "Prices",
    "Product": "Products",
    "Refund": "Refunds",
    "Session": "Checkout/Sessions",
    "SetupAttempt": "SetupAttempts",
    "SetupIntent": "SetupIntents",
    "Token": "Tokens",
    "WebhookEndpoint": "WebhookEndpoints",
}
# Parts that only other payment methods use would make the data ten times as long.
CARD_ONLY = {
    "Charge.PaymentMethodDetails": {"Card", "SepaDebit"},
    "PaymentIntent.NextAction": {"DisplayBankTransferInstructions", "RedirectToUrl"},
    "PaymentIntent.PaymentMethodOptions": {"Card", "CustomerBalance"},
    "PaymentMethod": {
        "AllowRedisplay",
        "BillingDetails",
        "Card",
        "CustomerBalance",
        "RadarOptions",
        "SepaDebit",
    },
    "Refund.DestinationDetails": {"Card"},
    "Session.PaymentMethodOptions": {"Card"},
    "SetupAttempt.PaymentMethodDetails": {"Card"},
    "SetupIntent.NextAction": {"RedirectToUrl"},
    "SetupIntent.PaymentMethodOptions": {"Card"},
}

_OPEN = re.compile(r"^\s*(?:export )?(?:declare )?(interface|namespace) (\w+)[^{]*\{\s*$")
_FIELD = re.compile(r"^\s*(\w+)(\?)?: (.*)$")


def interfaces(declarations: str) -> dict[str, dict[str, str]]:
    """Return the fields of each interface as `required`, `nullable`, `absent` or `either`."""
    text = re.sub(r"/\*.*?\*/", "", declarations, flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    stack: list[tuple[str, str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if opened := _OPEN.match(line):
            stack.append((opened[1], opened[2]))
            if opened[1] == "interface":
                found[".".join(name for _, name in stack)] = {}
        elif line.rstrip().endswith("{"):
            stack.append(("other", ""))
        elif line.strip().startswith("}"):
            stack.pop()
        elif stack and stack[-1][0] == "interface" and (field := _FIELD.match(line)):
            kind = field[3]
            while not kind.rstrip().endswith(";"):
                kind += next(lines)
            found[".".join(name for _, name in stack)][field[1]] = _presence(field[2], kind)
    return found


def _presence(question_mark: str | None, kind: str) -> str:
    may_be_null = bool(re.search(r"\|\s*null\s*;?\s*$", kind))
    if question_mark:
        return "either" if may_be_null else "absent"
    return "nullable" if may_be_null else "required"


def _wanted(name: str, root: str) -> bool:
    if name != root and not name.startswith(root + "."):
        return False
    for parent, kept in CARD_ONLY.items():
        if name.startswith(parent + ".") and name[len(parent) + 1 :].split(".")[0] not in kept:
            return False
    return True


def extract() -> dict[str, dict[str, list[str]]]:
    """Return per class the fields always sent though perhaps null, and those sent either way."""
    found: dict[str, dict[str, list[str]]] = {"nullable": {}, "either": {}}
    for root, source in SOURCES.items():
        text = (DECLARATIONS / f"{source}.d.ts").read_text()
        # One interface per event type extends the base that carries the fields.
        text = text.replace("interface EventBase {", "interface Event {")
        for name, fields in interfaces(text).items():
            if not _wanted(name, root):
                continue
            for presence, by_class in found.items():
                if names := sorted(f for f, kind in fields.items() if kind == presence):
                    by_class[name] = names
    return found


def main() -> None:
    """Write the data file again."""
    DATA.write_text(json.dumps(extract(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
