"""Prints the files that are getting long: `python -m tests.architecture.long_files`."""

from __future__ import annotations

from tests.architecture.rules import FILE_LINES_MAX, FILE_LINES_NOTED
from tests.architecture.source import all_sources


def main() -> None:
    """Print a line for each source file on its way to the limit."""
    for source in all_sources():
        lines = source.text.count("\n")
        if source.path.endswith((".py", ".sql")) and FILE_LINES_NOTED < lines <= FILE_LINES_MAX:
            print(f"note: {source.path} has {lines} lines; the limit is {FILE_LINES_MAX}")


if __name__ == "__main__":
    main()
