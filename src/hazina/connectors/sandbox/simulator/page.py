"""The page on which a test cardholder authenticates."""

from __future__ import annotations

from html import escape

from hazina.connectors.sandbox.simulator.books import Entry
from hazina.money.currency import formatted

_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,">
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 3rem auto;
  padding: 0 1rem; color: #1a1a1a; background: #fff }}
button {{ font: inherit; padding: .7rem 1.2rem; margin: 0 .7rem .7rem 0; border-radius: .4rem;
  border: 2px solid #0b4f6c; background: #0b4f6c; color: #fff }}
button.second {{ background: #fff; color: #0b4f6c }}
button:focus-visible {{ outline: 3px solid #d97706; outline-offset: 2px }}
</style></head><body><main><h1>{title}</h1>{content}</main></body></html>
"""


def challenge(entry: Entry) -> bytes:
    """Return the question, with one button for each answer."""
    what = f"a payment of {escape(formatted(entry.amount, entry.currency.lower()))}"
    if entry.operation == "verify":
        what = "a merchant that wants to keep your card for later payments"
    content = (
        f"<p>Sandbox bank: {what} asks for your approval. No real card is involved.</p>"
        f'<form method="post" action="/authentication/{escape(entry.id)}">'
        '<button type="submit" name="result" value="complete">Complete authentication</button>'
        '<button type="submit" name="result" value="fail" class="second">Fail authentication'
        "</button></form>"
    )
    return _SHELL.format(title="Approve this test payment", content=content).encode()


def finished(text: str) -> bytes:
    """Return the page shown when there is nowhere to go back to."""
    content = f'<p role="status">{escape(text)} You may close this page.</p>'
    return _SHELL.format(title="Sandbox bank", content=content).encode()
