"""Log lines as text or as JSON, with the id of the request, and without addresses of requests.

Addresses hold tokens and ids of people. What Django, a view or an error says of one is written with
the route instead (``ack/<slug:token>``), and what the address holds with its name (``<token>``).
"""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol


class AddressedRequest(Protocol):
    """What is read of one of Django's requests."""

    path: str
    resolver_match: Any

    def get_full_path(self) -> str:
        """Return the path with the query."""


REQUEST_ID: ContextVar[str] = ContextVar("releve_request_id", default="")
"""Id of the request that is being answered; empty outside of one."""
REQUEST: ContextVar[AddressedRequest | None] = ContextVar("releve_request", default=None)
"""The request itself."""

_FRAME = re.compile(r'[\s|]*File "')
"""A line of a traceback that names a file, whose path may hold a word of the address."""
_OTHER_ADDRESS = re.compile(r"(https?://[^/\s'\"]+/)[^\s'\"]+")


class LineFormatter(logging.Formatter):
    """Writes a record as text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text; more than one line where it has a traceback."""
        return _hide_address(super().format(record), record)


class JsonFormatter(logging.Formatter):
    """Writes ``at, level, logger, message``, the request's id, ``extra["fields"]``, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        document: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _hide_address(record.getMessage(), record),
        }
        if REQUEST_ID.get():
            document["request"] = REQUEST_ID.get()
        document |= getattr(record, "fields", {})
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            document["traceback"] = _hide_address(traceback, record)
        return json.dumps(document, ensure_ascii=False, default=str)


def name_route(request: AddressedRequest) -> str:
    """Return the route of a request as the URLconf has it, or ``unmatched``."""
    match = request.resolver_match
    return "unmatched" if match is None else str(match.route)


def _hide_address(text: str, record: logging.LogRecord) -> str:
    """Return a text of a record without the address of the request that it is about."""
    request = getattr(record, "request", None) or REQUEST.get()
    if request is None or not hasattr(request, "resolver_match"):  # a socket's, of a test server
        return text
    hidden = {request.get_full_path(), request.path}
    names = {address: name_route(request) for address in hidden if len(address) > 1}
    if request.resolver_match is not None:
        values = request.resolver_match.kwargs.items()
        names |= {str(value): f"<{name}>" for name, value in values if not isinstance(value, int)}
    # Django writes what is not ASCII with escapes
    names |= {_escape(held): name for held, name in names.items()}
    held = "|".join(map(re.escape, sorted(filter(None, names), key=len, reverse=True)))
    pattern = re.compile(rf"(?<!\w)(?:{held})(?!\w)" if held else r"(?!)")
    return "\n".join(
        line if _FRAME.match(line) else _OTHER_ADDRESS.sub(r"\1…", pattern.sub(lambda found: names[found[0]], line))
        for line in text.split("\n")
    )


def _escape(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")
