"""Template filters that say in words what the pages of sites, clients and reliefs hold as codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.filters import add_words
from releve.desk.places.client_pages import ClientProgramme
from releve.desk.places.relief_pages import ReliefRow
from releve.desk.places.site_pages import SitePage
from releve.desk.text import left, text_now, translate_phrase
from releve.live.api import ClientStanding, HalfHour
from releve.network import HOME, Operator, parse_opening
from releve.network.clock import zone
from releve.plan.status import SEVERITY, Status
from releve.situation import HeldPermit, SiteStatus

register = Library()

_SITES = {
    "open": lazy("Open"),
    "closed": lazy("Closed"),
    "power": lazy("Without power"),
    "link": lazy("Link down"),
}
SITE_TONES = {"open": "held", "cut_off": "thin", "closed": "missed"}
_PERMIT_TONES = {"valid": "held", "withdrawn": "missed", "ended": "missed", "not_yet": "unknown"}
_PERMITS = {
    "valid": lazy("valid"),
    "withdrawn": lazy("withdrawn"),
    "ended": lazy("ended"),
    "not_yet": lazy("not yet valid"),
}
_VERDICTS = {"partly": lazy("partly kept"), "not_kept": lazy("not kept")}
_SEATS = {"taken": lazy("taken"), "free": lazy("usable"), "blocked": lazy("blocked")}
CLIENT_TONES: Mapping[str, Status] = {
    **{str(status): status for status in SEVERITY},
    "short_now": Status.MISSED,
    "short_later": Status.THIN,
}
"""A verdict has the colour of its own name."""
_KINDS = {
    "inbound": lazy("inbound calls"),
    "outbound": lazy("outbound calls"),
    "back_office": lazy("back office"),
}
_SOURCES = {
    "planned": lazy("prepared in the plan"),
    "first": lazy("first answer"),
    "optimum": lazy("optimum in whole people"),
    "base": lazy("back to the plan"),
    "surge": lazy("put in force for a surge or absences"),
}
add_words(register, "site_word", _SITES)
add_words(register, "site_tone", SITE_TONES)
add_words(register, "client_tone", CLIENT_TONES)
add_words(register, "permit_tone", _PERMIT_TONES)
add_words(register, "permit_word", _PERMITS)
add_words(register, "seat_word", _SEATS)
add_words(register, "verdict_word", _VERDICTS)
add_words(register, "programme_kind", _KINDS)
add_words(register, "source_word", _SOURCES, else_code=True)


def list_names(operator: Operator) -> Mapping[str, str]:
    """Return the names of the places and programmes, by id."""
    sites = {row.id: row.name for row in operator.sites}
    return {HOME: _("at home"), **sites, **{row.id: row.name for row in operator.programmes}}


@register.filter
def countdown(row: SiteStatus, at: datetime) -> str:
    """Return how long a closure lasts at least; empty where nothing says."""
    if row.earliest_reopening is None:
        return ""
    time = left(at, row.earliest_reopening)
    if time:
        return _("{time} left at least").format(time=time)
    return _("may reopen once its conditions are met")


@register.filter
def site_moment(at: datetime | None, page: SitePage) -> str:
    """Return an instant by the clocks of a site; empty where there is none."""
    text = text_now(page.time_zone).at_site(page.status.time_zone)
    return "" if at is None else text.moment(at)


@register.filter
def permit_state(row: HeldPermit, today: date) -> str:
    """Return how an authorisation stands."""
    return row.state_on(today)


@register.filter
def client_word(row: ClientStanding) -> str:
    """Return how a client is served."""
    if row.idle:
        return _("nothing is required")
    if row.state == "short_now":
        return _("short now")
    if row.state == "short_later":
        return _("held, short for a time")
    return translate_phrase(Status(row.state).label)


@register.filter
def worst_words(row: ClientStanding, time_zone: str) -> str:
    """Return the worst coverage and when it is; a dash where nothing is known or required."""
    if row.worst is None or row.worst_at is None:
        return "–"
    text = text_now(time_zone)
    return _("{coverage}, {time}").format(
        coverage=text.coverage(row.worst), time=text.moment(row.worst_at)
    )


@register.filter
def half_hour(row: HalfHour, time_zone: str) -> str:
    """Return when a half hour begins, by the clocks of a time zone."""
    text, day = text_now(time_zone), row.start.astimezone(zone(time_zone)).date()
    return f"{text.short_day(day)} {text.clock(row.start)}"


@register.filter
def opening_hours(row: ClientProgramme) -> str:
    """Return when a programme is open."""
    return text_now("UTC").opening_hours(parse_opening(row.opening))


@register.filter
def lost_words(row: ReliefRow, names: Mapping[str, str]) -> str:
    """Return which places a relief answers the loss of, on any of its days."""
    sites = {names.get(name, name) for day in row.lost.values() for name in day["sites"]}
    carriers = {name for day in row.lost.values() for name in day["carriers"]}
    return text_now("UTC").list([*sorted(sites), *sorted(carriers)]) or _("nothing is lost")


@register.filter
def relief_name(generation: int) -> str:
    """Return what a generation is called; 0 is the plan."""
    if not generation:
        return _("the plan")
    return _("relief {number}").format(number=generation)


@register.filter
def change_words(counts: tuple[int, int]) -> str:
    """Return how much the second number is above the first."""
    change = counts[1] - counts[0]
    if not change:
        return "="
    return ("+" if change > 0 else "") + text_now("UTC").number(change)
