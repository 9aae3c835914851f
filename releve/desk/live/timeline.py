"""The latest events in sentences, without events about a person and without health fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.page import PageModel
from releve.desk.text import Text
from releve.live import api as live
from releve.network import Operator
from releve.network.clock import zone
from releve.situation import KINDS

SENTENCES = {
    **{kind: lazy(event.headline) for kind, event in KINDS.items() if event.headline},
    "relief.made": lazy("A relief was made: {moved} people moved."),
    "routing.alarm": lazy("A telephony system does not hold the newest routes."),
    "routing.published": lazy("The routes were published."),
    "routing.restored": lazy("The telephony system holds the newest routes again."),
    "routing.reverted": lazy("The routes of an earlier generation were published again."),
    "relief.ended": lazy("The relief for a surge ends: back to the plan."),
    "relief.ordered": lazy("A relief for a surge or absences was put in force."),
    "routing.switched": lazy("Calls were switched to the routes prepared for a loss."),
    "people.notified": lazy("Messages about the relief were written; agents concerned: {agents}."),
    "plan.activated": lazy("A plan was put in force."),
    "drill.started": lazy("The drill began."),
    "drill.moved": lazy("The clock of the drill was moved forward."),
    "effect.aside": lazy("A task failed too often and was set aside."),
    "effect.retried": lazy("A task that was set aside is tried again."),
}


_UNADDRESSED = lazy(
    "Messages about the relief were written; agents concerned: {agents}, messages without an"
    " address: {unaddressed}."
)


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
        "agents": text.number(body.get("agents", 0)),
        "unaddressed": text.number(body.get("unaddressed", 0)),
    }
    if site:
        text = text.at_site(site.time_zone)
    if kind == "people.notified" and body.get("unaddressed"):
        sentence = sentence or str(_UNADDRESSED).format_map(words)
    day = at.astimezone(zone(text.time_zone)).date()
    local = _("{day}, {time}").format(day=text.short_day(day), time=text.clock(at))
    said = sentence or str(SENTENCES[kind]).format_map(words)
    return TimelineLine(local, at.isoformat(), kind, said)


class TimelineEntry(PageModel):
    """An entry of the ledger that concerns no person."""

    kind: str
    at: datetime
    params: dict[str, Any] = Field(description="site, carrier, actor or moved")


def list_timeline(stream: str, seen: Scope) -> Iterator[TimelineEntry]:
    """Yield the last entries that a user may see, the newest first."""
    for row in live.list_last_entries(stream, SENTENCES, lambda body: visible(body, seen)):
        yield TimelineEntry(kind=row.kind, at=row.at, params=read_params(row.kind, row.body))


def read_params(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the sentence of an entry names, and nothing else of it."""
    named = str(SENTENCES[kind])
    given = (name for name in ("actor", "moved", "agents") if f"{{{name}}}" in named)
    names = ("site", "carrier", *given, *(("unaddressed",) if kind == "people.notified" else ()))
    return {name: body[name] for name in names if body.get(name) is not None}
