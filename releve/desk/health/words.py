"""Template filters that say cases, clusters and contacts in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import add_words
from releve.desk.health.page import ClusterRow
from releve.desk.text import NO_BREAK, text_now
from releve.network import zone
from releve.situation import TracedContact

register = Library()
_STATUSES = {"declared_case": lazy("Declared case"), "contact": lazy("Contact")}
_KINDS = {
    "floor": lazy("Floor {name}"),
    "zone": lazy("Zone {name}"),
    "shuttle": lazy("Shuttle of {name}"),
    "shift": lazy("Shift {name}"),
}
add_words(register, "case_status", _STATUSES)


@register.filter
def cluster_word(row: ClusterRow) -> str:
    """Return what the cases of a cluster shared."""
    return str(_KINDS[row.kind]).format(name=row.name)


@register.filter
def cluster_days(row: ClusterRow) -> str:
    """Return the days of the first and the last case of a cluster, at its site."""
    days = dict.fromkeys(at.astimezone(zone(row.time_zone)).date() for at in (row.first, row.last))
    return " – ".join(text_now(row.time_zone).day(day, weekday=False) for day in days)


@register.filter
def in_days(days: float) -> str:
    """Return a number of days with its noun."""
    written = text_now("UTC").number(days, 0 if days == int(days) else 1)
    return ngettext("{days} day", "{days} days", int(days)).format(days=written)


@register.filter
def contact_reasons(contact: TracedContact) -> Iterator[str]:
    """Yield what an agent shared with a case, and how long."""
    text = text_now("UTC")
    if contact.neighbour_minutes:
        reason = _("neighbouring seat, {time} ({metres} m)")
        metres = text.number(contact.nearest_m or 0, 1)
        yield reason.format(time=_length(contact.neighbour_minutes), metres=metres)
    if contact.zone_minutes:
        yield _("same zone, {time}").format(time=_length(contact.zone_minutes))
    if contact.shuttle_rides:
        reason = ngettext(
            "same shuttle, {rides} ride", "same shuttle, {rides} rides", contact.shuttle_rides
        ).format(rides=text.number(contact.shuttle_rides))
        minutes = contact.shuttle_minutes
        yield f"{reason}, {_length(minutes)}" if minutes else reason


def _length(minutes: float) -> str:
    """Return a length as ``7 h 30 min``, with spaces that do not break."""
    hours, rest = divmod(round(minutes), 60)
    parts = [f"{text_now('UTC').number(hours)}{NO_BREAK}h"] if hours else []
    parts += [f"{rest}{NO_BREAK}min"] if rest or not hours else []
    return NO_BREAK.join(parts)
