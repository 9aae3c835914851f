"""Template filters that say the roles and steps of an incident in the reader's language."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext_lazy as lazy

from releve.desk.filters import add_words, late_record
from releve.desk.incident.page import IncidentPage
from releve.desk.live.words import ROLES
from releve.desk.text import NO_BREAK, format_duration, text_now
from releve.live.api import ResponseStep
from releve.situation import Event, measure_delay

register = Library()

_STEPS = {
    "closed": lazy("closure recorded"),
    "opened": lazy("incident opened"),
    "relief_made": lazy("first relief made"),
    "routes_published": lazy("routes published"),
    "messages_written": lazy("messages written"),
    "first_acknowledged": lazy("first acknowledgement"),
    "last_acknowledged": lazy("last acknowledgement so far"),
    "reopened": lazy("site reopened"),
}


add_words(register, "role_word", ROLES)
add_words(register, "step_name", _STEPS)


@register.filter
def late_event(event: Event, page: IncidentPage) -> str:
    """Return when an event was recorded, where that is late; empty where it is not."""
    late = measure_delay(event.happened_at, event.recorded_at)
    return late_record(event.recorded_at if late else None, page.time_zone)


@register.filter
def step_duration(row: ResponseStep) -> str:
    """Return the time since the event: ``1,2 s``, ``3 min 05 s``, ``48 h 02 min``."""
    if not row.seconds:
        return ""
    if row.seconds < 60:
        return text_now("UTC").seconds(max(0.0, row.seconds))
    minutes, rest = divmod(round(row.seconds), 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{rest:02d}{NO_BREAK}s"
    return format_duration(minutes)
