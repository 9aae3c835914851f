"""Template filters that say cases, clusters and contacts in the reader's language."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import add_words
from releve.desk.text import NO_BREAK, text_now
from releve.situation import CaseCluster

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
def cluster_word(row: CaseCluster) -> str:
    """Return what the cases of a cluster shared."""
    return str(_KINDS[row.kind]).format(name=row.name)


@register.filter
def in_days(days: float) -> str:
    """Return a number of days with its noun."""
    written = text_now("UTC").number(days, 0 if days == int(days) else 1)
    return ngettext("{days} day", "{days} days", int(days)).format(days=written)


@register.filter
def duration(minutes: float) -> str:
    """Return a length as ``7 h 30 min``, with spaces that do not break."""
    hours, rest = divmod(round(minutes), 60)
    parts = [f"{text_now('UTC').number(hours)}{NO_BREAK}h"] if hours else []
    parts += [f"{rest}{NO_BREAK}min"] if rest or not hours else []
    return NO_BREAK.join(parts)
