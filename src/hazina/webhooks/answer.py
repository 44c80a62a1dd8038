"""What is kept of a receiver's answer: its beginning, without what must not be kept."""

from __future__ import annotations

import re

CHARACTERS_MAX = 500

_SECRETS = re.compile(
    r"\b(?:sk|rk|pk|whsec|whsk)_[A-Za-z0-9_=+/-]{6,}"
    r"|\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"
    r"|\b(?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s*[:=]\s*[\"']?[^\s\"',;&]+"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+",
    re.IGNORECASE,
)
# Card numbers, also with blanks or hyphens between their digits; nothing tells them from others.
_NUMBERS = re.compile(r"\d(?:[ -]?\d){10,}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")


def kept(body: bytes) -> str | None:
    """Return the beginning of an answer with secrets and long numbers struck out; None if empty."""
    text = body.decode("utf-8", "replace")
    text = _UNPRINTABLE.sub(" ", text).strip()
    text = _SECRETS.sub("[secret]", text)
    text = _NUMBERS.sub("[number]", text)
    if len(text) > CHARACTERS_MAX:
        text = text[: CHARACTERS_MAX - 1] + "…"
    return text or None
