"""Letters as files in a folder: for trials, for drills, and for printing without other channels.

A letter's file is named by its key, so that the same letter is there once, however often it is
sent.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from django.conf import settings

from releve.files.atomic import write_file
from releve.live.channels.base import Letter
from releve.live.effect_handlers import RetryLater

__all__ = ["ByFile"]


class ByFile:
    """Writes into ``outbox`` in the home folder, or into the folder given."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def fault(self, address: str) -> str:
        """Return no fault: any address is written into the file."""
        return ""

    def setup_fault(self) -> str:
        """Return no fault: it has no settings."""
        return ""

    def send(self, address: str, letter: Letter) -> None:
        """Write the letter's file."""
        folder = self._folder or settings.HOME / "outbox"
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", letter.key)
        document = {
            "to": address,
            "subject": letter.subject,
            "text": letter.text,
            "calendar": letter.calendar.decode(),
        }
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = json.dumps(document, ensure_ascii=False)
            write_file(folder / f"{name}.json", text, durable=False)
        except OSError as error:
            raise RetryLater(f"the outbox cannot be written: {error.strerror}") from error
