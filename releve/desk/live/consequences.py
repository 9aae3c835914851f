"""What a closure would do, in numbers, before anybody confirms it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from releve.desk.live.words import when
from releve.desk.presenters.text import Text
from releve.live import api as live
from releve.network import Operator
from releve.situation import SiteClosed

__all__ = ["Consequences", "consequences"]


@dataclass(frozen=True, slots=True)
class ClientChange:
    """A client's worst coverage within 48 hours: now, without a relief, with the planned one."""

    name: str
    before: str
    unrelieved: str
    after: str
    tone: str


@dataclass(frozen=True, slots=True)
class Consequences:
    """``seats`` and the like are empty where no plan is in force to tell from."""

    site: str
    at: str
    until: str
    seats: str
    working: str
    moved: str
    clients: tuple[ClientChange, ...]


def consequences(event: SiteClosed, operator: Operator, text: Text, stream: str) -> Consequences:
    """Return what the closure of a site would do, by the plan in force."""
    found = live.preview(sites=frozenset({event.site}), home_only=event.home_only, stream=stream)
    until = event.earliest_reopening
    named = (
        operator.site[event.site].name,
        when(event.happened_at, text),
        "" if until is None else when(until, text),
    )
    if found is None:
        return Consequences(*named, "", "", "", ())
    moved = _("solved as soon as it closes") if found.moved is None else text.number(found.moved)
    after = found.after.clients if found.after else (None,) * len(found.before.clients)
    rows = zip(found.before.clients, found.unrelieved.clients, after, strict=True)
    return Consequences(
        *named,
        text.number(found.seats),
        text.number(found.working),
        moved,
        tuple(_client(*row, text) for row in rows),
    )


def _client(
    before: live.ClientCoverage,
    unrelieved: live.ClientCoverage,
    after: live.ClientCoverage | None,
    text: Text,
) -> ClientChange:
    last = unrelieved if after is None else after
    whole = last.worst is None or last.worst >= 1 - 1e-6
    return ClientChange(
        before.name,
        _share(before.worst, text),
        _share(unrelieved.worst, text),
        "–" if after is None else _share(after.worst, text),
        "held" if whole else "missed",
    )


def _share(value: float | None, text: Text) -> str:
    return "–" if value is None else text.coverage(value)
