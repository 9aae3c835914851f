"""Where the calls of programmes go while a place is lost, as their client and the lead of the site read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.desk.filters import add_words
from releve.desk.page import PageModel
from releve.desk.text import text_now
from releve.live import api as live
from releve.network import HOME, Operator, Programme, find_open_instants

if TYPE_CHECKING:
    from releve.desk.places.page import StreamContext


class CallPlace(PageModel):
    """A place that takes calls; a partner is not named."""

    kind: Literal["site", "home", "partner"]
    name: str = Field(description="Of a site; empty for the others")
    share: float


class ProgrammeCalls(PageModel):
    """Where the calls of one programme go by the routes published last."""

    programme: str
    name: str = Field(description="With the client, where the programmes are of several")
    open: bool = Field(description="Whether it takes calls at this hour")
    places: tuple[CallPlace, ...] = Field(description="The largest share first; empty: no place takes its calls")
    since: datetime | None = Field(description="Since when to these places alone; null: not known, or for a day")


class CallsPart(PageModel):
    """Where calls go, and whether the telephony is seen to hold these routes."""

    at: datetime
    time_zone: str
    state: Literal["pending", "applied", "confirmed", "diverged", "silent", "timed_out"]
    programmes: tuple[ProgrammeCalls, ...]
    dead: tuple[str, ...] = Field(description="Of these places, those found not answering: the others get their calls")


def find_calls(now: StreamContext, programmes: Sequence[Programme]) -> CallsPart | None:
    """Return where the calls of the inbound ones of some programmes go; None where there are none, or no routes."""
    inbound = {row.id: row for row in programmes if row.kind == "inbound"}
    found = live.find_call_routes(inbound, now.stream) if inbound else None
    if found is None or not found.programmes:
        return None
    several = len({row.client for row in inbound.values()}) > 1  # two clients may have a programme of one name
    clients = now.operator.client
    return CallsPart(
        at=now.at,
        time_zone=now.operator.row.time_zone,
        state=found.state,
        programmes=tuple(
            ProgrammeCalls(
                programme=row.programme,
                name=(own := inbound[row.programme]).name + f" ({clients[own.client].name})" * several,
                open=bool(find_open_instants(own, [now.at])[0]),
                places=tuple(_describe_place(place, share, now.operator) for place, share in row.places),
                since=row.since,
            )
            for row in found.programmes
        ),
        dead=tuple(now.operator.site[place].name for place in found.dead if place in now.operator.site),
    )


def list_served_programmes(now: StreamContext, scene: live.Scene, site: str) -> tuple[Programme, ...]:
    """Return the programmes for which the plan places people at a site, on the days ahead."""
    served = {row.programme for day in scene.days for row in scene.day_plan(day).plan.placements if row.place == site}
    return tuple(row for row in now.operator.programmes if row.id in served)


def _describe_place(place: str, share: float, operator: Operator) -> CallPlace:
    if place == HOME:
        return CallPlace(kind="home", name="", share=share)
    known = operator.site.get(place)
    return CallPlace(kind="site" if known else "partner", name=known.name if known else "", share=share)


register = Library()

add_words(
    register,
    "calls_state",
    {
        "pending": lazy("The telephony has not taken these routes yet; until then calls go as before."),
        "applied": lazy("The telephony has taken these routes and has not confirmed them yet."),
        "confirmed": lazy("Published, and confirmed by the telephony."),
        "diverged": lazy("The telephony holds other routes; these are being sent to it again."),
        "silent": lazy("The telephony took these routes and does not answer now."),
        "timed_out": lazy("The telephony has not taken these routes in time; calls go as before."),
    },
)


@register.filter
def calls_words(row: ProgrammeCalls, part: CallsPart) -> str:
    """Return in a sentence where the calls of a programme go: as a fact only where the telephony has confirmed it."""
    text = text_now(part.time_zone)
    since = "" if row.since is None or part.state != "confirmed" else text.near(row.since, part.at)
    if not row.places:
        return _describe_none(row, part).format(programme=row.name, since=since)
    if not row.open:
        said = _("{programme} is closed at this hour; its calls will go to people {places}.")
    elif part.state != "confirmed":
        said = _("Calls to {programme} are to go to people {places}.")
    elif since:
        said = _("Calls to {programme} go to people {places}, and only there since {since}.")
    else:
        said = _("Calls to {programme} go to people {places}.")
    places = [_write_place(place).format(site=place.name, share=text.missing(place.share, 0)) for place in row.places]
    return said.format(programme=row.name, places=text.list(places), since=since)


def _describe_none(row: ProgrammeCalls, part: CallsPart) -> str:
    """Return that no place takes the calls of a programme; of what callers hear, that it is not known."""
    if not row.open:
        return _("{programme} is closed at this hour; no place is foreseen for its calls.")
    if part.state != "confirmed":
        said = _("By these routes no place takes calls to {programme}.")
    elif row.since is not None:
        said = _("No place takes calls to {programme} since {since}.")
    else:
        said = _("No place takes calls to {programme}.")
    return f"{said} {_('What callers then hear is set in the telephony and not known here.')}"


def _write_place(place: CallPlace) -> str:
    words = {"site": _("at {site} ({share})"), "home": _("at home ({share})"), "partner": _("at a partner ({share})")}
    return words[place.kind]


@register.filter
def dead_words(part: CallsPart) -> str:
    """Return which of the places do not answer the telephony; empty where all do."""
    if not part.dead:
        return ""
    names = text_now(part.time_zone).list(part.dead)
    return _("{names}: no answer to the telephony, which gives these calls to the other places, if any.").format(
        names=names
    )
