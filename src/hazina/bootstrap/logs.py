"""What processes log: one JSON object a line, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import orjson
import structlog


def configure_logs(stream: TextIO | None = None) -> None:
    """Send the logs of this process, and of the libraries in it, to one place in one shape.

    A failure carries its ordinary traceback: code and messages, never the values of variables,
    which may be secrets.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_line),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # What libraries say about their everyday work is not ours to keep.
    for name in ("uvicorn", "uvicorn.error", "psycopg", "asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _line(entry: Any, **_: Any) -> str:
    return orjson.dumps(entry, default=repr).decode()
