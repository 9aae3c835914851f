"""Ways to reach people: each a small module that a newcomer copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from releve.live.channels.base import Channel, Letter
from releve.live.channels.by_apprise import ByApprise
from releve.live.channels.by_email import ByEmail
from releve.live.channels.by_file import ByFile

__all__ = ["CHANNELS", "ByFile", "Channel", "Letter"]

CHANNELS: Final[Mapping[str, Channel]] = {
    "email": ByEmail(),
    "apprise": ByApprise(),
    "file": ByFile(),
}
"""Every channel by its name in the file of contacts."""
