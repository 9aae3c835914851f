"""A mailbox behind IMAP, of the few commands that the reader of replies uses."""

from __future__ import annotations

import re
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.local_server import serve_locally

__all__ = ["Mailbox", "imap_server"]


@dataclass
class Mailbox:
    """The mails by number, and the flags of each; ``drop_before``: the connection breaks before this command."""

    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    drop_before: str = ""
    sessions: int = 0

    def put(self, mail: bytes) -> int:
        number = max(self.mails, default=0) + 1
        self.mails[number], self.flags[number] = mail, set()
        return number


@contextmanager
def imap_server() -> Iterator[Mailbox]:
    """Run a mailbox on a free port of the loopback."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            box.sessions += 1
            self._say(b"* OK ready")
            while line := self.rfile.readline().decode().strip():
                tag, _, rest = line.partition(" ")
                if box.drop_before and box.drop_before in rest:
                    return
                for row in self._answer(rest):
                    self._say(row)
                self._say(f"{tag} OK done".encode())
                if rest == "LOGOUT":
                    return

        def _say(self, row: bytes) -> None:
            self.wfile.write(row + b"\r\n")

        def _answer(self, rest: str) -> Iterator[bytes]:
            verb = rest.split()[0].upper()
            if verb == "CAPABILITY":
                yield b"* CAPABILITY IMAP4rev1"
            elif verb == "SELECT":
                yield f"* {len(box.mails)} EXISTS".encode()
            elif verb == "LOGOUT":
                yield b"* BYE"
            elif verb == "EXPUNGE":
                for number in [number for number, flags in box.flags.items() if "\\Deleted" in flags]:
                    del box.mails[number], box.flags[number]
                    yield f"* {number} EXPUNGE".encode()
            elif "SEARCH UNSEEN" in rest:
                unseen = [str(number) for number, flags in box.flags.items() if "\\Seen" not in flags]
                yield f"* SEARCH {' '.join(unseen)}".encode()
            elif "STORE" in rest:
                number = int(rest.split()[2])
                box.flags[number] |= set(re.findall(r"\\\w+", rest))
            elif "RFC822.SIZE" in rest:
                number = int(rest.split()[2])
                yield f"* {number} FETCH (UID {number} RFC822.SIZE {len(box.mails[number])})".encode()
            elif "BODY.PEEK[]" in rest:
                number = int(rest.split()[2])
                mail = box.mails[number]
                yield f"* {number} FETCH (UID {number} BODY[] {{{len(mail)}}}".encode()
                yield mail + b")"

    with serve_locally(Handler) as address:
        box.port = int(address.rpartition(":")[2])
        yield box
