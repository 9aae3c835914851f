"""The latest events in sentences, without events about a person and without health fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import Scope
from releve.desk.text import Text
from releve.network import Operator
from releve.network.clock import zone
from releve.situation import KINDS

__all__ = ["SENTENCES", "TimelineLine", "moment", "visible"]

SENTENCES = {
    **{kind: lazy(event.headline) for kind, event in KINDS.items() if event.headline},
    "relief.made": lazy("A relief was made: {moved} people moved."),
    "routing.published": lazy("The routes were published."),
    "people.notified": lazy("The people concerned were notified."),
    "plan.activated": lazy("A plan was put in force."),
    "drill.started": lazy("The drill began."),
    "drill.moved": lazy("The clock of the drill was moved forward."),
    "effect.aside": lazy("A task failed too often and was set aside."),
    "effect.retried": lazy("A task that was set aside is tried again."),
}


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One line of the timeline."""

    at: str
    iso: str
    kind: str
    sentence: str


def visible(body: Mapping[str, Any], seen: Scope) -> bool:
    """Return whether the user may see an entry: its site, or every site where it names none."""
    site = body.get("site")
    return seen.has_site(site) if site else seen.sites is None


def moment(
    kind: str,
    at: datetime,
    body: Mapping[str, Any],
    operator: Operator,
    text: Text,
    sentence: str = "",
) -> TimelineLine:
    """Return an entry as a line; ``sentence`` is what it says where its kind has no sentence."""
    site = operator.site.get(body.get("site", ""))
    words = {
        "site": site.name if site else body.get("carrier") or body.get("site", ""),
        "actor": body.get("actor", ""),
        "moved": text.number(body.get("moved", 0)),
    }
    day = at.astimezone(zone(text.time_zone)).date()
    local = _("{day}, {time}").format(day=text.short_day(day), time=text.clock(at))
    said = sentence or str(SENTENCES[kind]).format_map(words)
    return TimelineLine(local, at.isoformat(), kind, said)
