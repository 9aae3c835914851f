"""Which stream a reader looks at: the live one, or a drill they chose to take part in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.live import api as live
from releve.live.api import Stream

COOKIE = "releve_stream"


@dataclass(frozen=True, slots=True)
class ShownStream:
    """A stream by its name; ``title`` is empty for the live one."""

    name: str
    title: str = ""

    @property
    def banner(self) -> str:
        """The text above every page of a drill; empty for the live stream."""
        return describe_drill(self.title)

    def build_head(self, time_zone: str, at: datetime | None = None) -> dict[str, Any]:
        """Return the fields of a StreamPage, by default as of the stream's clock.

        To the minute, so that a page stays the same while nothing happens.
        """
        shown = (at or live.now(self.name)).replace(second=0, microsecond=0)
        return {"stream": self.name, "drill": self.title, "at": shown, "time_zone": time_zone}


def describe_drill(title: str) -> str:
    """Return the text above every page of a drill; empty for the live stream."""
    if not title:
        return ""
    banner = _("“{title}”: nothing here is real, and no client is notified.")
    return banner.format(title=title)


def read_stream(request: HttpRequest) -> ShownStream:
    """Return the stream a reader chose; the live one where a drill is over, or is not for them."""
    name = request.COOKIES.get(COOKIE, live.LIVE)
    if not live.is_drill(name) or not can(request.user, "incident.work"):
        return ShownStream(live.LIVE)
    return _find_running(name) or ShownStream(live.LIVE)


def find_stream(request: HttpRequest, name: str) -> ShownStream:
    """Return the stream a program names; NoSuch for a drill that is over, or is not for it."""
    if not live.is_drill(name):
        return ShownStream(live.LIVE)
    found = _find_running(name) if can(request.user, "incident.work") else None
    if found is None:
        raise live.NoSuch(f"there is no drill {name!r} that goes on")
    return found


def _find_running(name: str) -> ShownStream | None:
    found = Stream.objects.filter(name=name, stopped_at=None).first()
    return None if found is None else ShownStream(found.name, found.title)
