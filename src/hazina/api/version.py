"""The one version of the public API's shapes that we answer in."""

from __future__ import annotations

from hazina.events.tables import API_VERSION

__all__ = ["API_VERSION"]
