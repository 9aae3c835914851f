"""The letter that is sent, and the interface of every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Channel", "Letter"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send; ``calendar`` is iCalendar, ``key`` the same on every attempt."""

    key: str
    subject: str
    text: str
    calendar: bytes = b""


class Channel(Protocol):
    """One way to reach people."""

    def fault(self, address: str) -> str:
        """Return why this channel cannot use an address, without quoting it; empty when it can."""
        ...

    def setup_fault(self) -> str:
        """Return why this channel cannot send with the settings as they are; empty when it can."""
        ...

    def send(self, address: str, letter: Letter) -> None:
        """Send a letter; raises Later when it may work later, Never when it will not.

        Neither quotes the address.
        """
        ...
