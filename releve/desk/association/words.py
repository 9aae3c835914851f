"""What figures, destinations and states of contributions are called."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext_lazy as lazy

from releve.association.bulletin_paper import LABELS, name_group
from releve.desk.filters import add_words
from releve.desk.text import translate_phrase

register = Library()

_FOUND = {
    "in": lazy("in the bulletin"),
    "absent": lazy("not in the bulletin: ask the clerk"),
    "second": lazy("a second bulletin of the day came: ask the clerk"),
    "": lazy("bulletin not out yet"),
}
_STATES = {"in": lazy("in"), "corrected": lazy("corrected"), "missing": lazy("missing")}
add_words(register, "found_word", _FOUND)
add_words(register, "contribution_state", _STATES)


@register.filter
def measure_name(measure: str) -> str:
    """Return what a measure is called."""
    return translate_phrase(LABELS[measure])


@register.filter
def group_name(group: str) -> str:
    """Return what a destination is called, or all of them together."""
    return translate_phrase(name_group(group))
