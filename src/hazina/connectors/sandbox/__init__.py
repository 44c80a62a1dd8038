"""The sandbox: the built-in test-mode card provider."""

from __future__ import annotations

from hazina.connectors.sandbox.client import SandboxConnector
from hazina.connectors.sandbox.settings import SandboxSettings
from hazina.rails.contract import ConnectorKind

CONNECTOR = ConnectorKind(
    name="sandbox",
    settings=SandboxSettings,
    build=SandboxConnector,
)
