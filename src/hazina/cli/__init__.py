"""The `hazina` command."""

from hazina.cli.commands import main

__all__ = ["main"]
