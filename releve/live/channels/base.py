"""What is sent, and what every channel is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Channel", "Letter"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out; ``calendar`` is iCalendar, ``key`` the same on every try."""

    key: str
    subject: str
    text: str
    calendar: bytes = b""


class Channel(Protocol):
    """One way to reach people."""

    def fault(self, address: str) -> str:
        """Return why an address cannot be one of this channel; empty when it can. Not quoted."""
        ...

    def send(self, address: str, letter: Letter) -> None:
        """Send a letter; raises Later when it may work later, Never when it will not.

        Neither quotes the address.
        """
        ...
