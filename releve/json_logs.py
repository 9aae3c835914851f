"""Log lines as JSON, one object a line, with the id of the request that they belong to."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

__all__ = ["REQUEST_ID", "JsonFormatter"]

REQUEST_ID: ContextVar[str] = ContextVar("releve_request_id", default="")
"""Id of the request that is being answered; empty outside of one."""


class JsonFormatter(logging.Formatter):
    """Writes ``at, level, logger, message``, the request's id, ``extra["fields"]``, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        document: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if REQUEST_ID.get():
            document["request"] = REQUEST_ID.get()
        document |= getattr(record, "fields", {})
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)
