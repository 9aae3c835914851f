"""Template filters that say the draws of visits in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from django.template import Library
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

from releve.desk.filters import add_words
from releve.desk.text import text_now
from releve.situation import DrawSummary, describe_powers

register = Library()

_STATES = {
    "older": lazy(
        "An earlier version drew by this plan: it stands as it was recorded, and cannot be drawn or"
        " verified any further. Make a new plan."
    ),
    "offered": lazy(
        "The commission has not joined: it needs the plan and the signed root over it, makes its"
        " chain for these, and gives its anchor."
    ),
    "planned": lazy("The frame of the day is not on record: it has to be, the evening before."),
    "framed": lazy("The frame is on record; links are missing."),
    "revealed": lazy("Both links are on record: the visits can be drawn."),
    "drawn": lazy("The visits are drawn."),
}
_PARTIES = {"operator": lazy("operator"), "commission": lazy("commission")}
_VISITS = {
    "held": pgettext_lazy("visit", "made"),
    "missed": pgettext_lazy("visit", "not made"),
    "waiting": pgettext_lazy("visit", "to make"),
}
_TONES = {"held": "held", "missed": "missed", "waiting": "unknown"}
add_words(register, "draw_state", _STATES)
add_words(register, "visit_state", _VISITS)
add_words(register, "visit_tone", _TONES)


@register.filter
def party_list(parties: tuple[str, ...]) -> str:
    """Return some parties as an enumeration."""
    return text_now("UTC").list([str(_PARTIES[party]) for party in parties])


@register.filter
def powers(found: DrawSummary) -> Iterator[str]:
    """Return what the tests of the visits can find, and what visits can see."""
    return describe_powers(found, text_now("UTC").language)
