"""A mail server of a few lines: it keeps what it gets."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.local_server import serve_locally

__all__ = ["Mails", "mail_server"]


@dataclass
class Mails:
    """``refuse`` is what it says to a recipient instead of 250."""

    url: str = ""
    refuse: str = ""
    kept: list[str] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Mails]:
    """Run a mail server on a free port of the loopback."""
    mails = Mails()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                verb = line[:4].upper()
                if verb == "DATA":
                    self._say("354 go on")
                    mails.kept.append(self._data())
                    self._say("250 kept")
                elif verb == "RCPT" and mails.refuse:
                    self._say(mails.refuse)
                else:
                    self._say("221 bye" if verb == "QUIT" else "250 ok")
                if verb == "QUIT":
                    return

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def _data(self) -> str:
            lines = []
            while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
                lines.append(line)
            return "".join(lines)

    with serve_locally(Handler) as address:
        mails.url = f"smtp://{address}"
        yield mails
