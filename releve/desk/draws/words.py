"""Template filters that say the draws of visits in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from django.template import Library
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

from releve.desk.draws.page import DrawnDayCard
from releve.desk.filters import add_words
from releve.desk.text import text_now
from releve.inspection import (
    compute_test_power,
    describe_test_power,
    describe_visit_power,
)

register = Library()

_CARRIERS = 4
_BREACH_PERMILLE = 200
_STATES = {
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
def powers(card: DrawnDayCard) -> Iterator[str]:
    """Yield what the tests of the visits, planned or made, can find, and what visits can see."""
    language = text_now("UTC").language
    for row in card.visits:
        tests = row.to_test if row.tested is None else row.tested
        if row.present and tests is not None:
            power = compute_test_power(
                row.present, min(_CARRIERS, row.present), min(tests, row.present)
            )
            yield f"{row.name}. {describe_test_power(power, language)}"
    yield describe_visit_power(_BREACH_PERMILLE, 5, language)
    yield describe_visit_power(_BREACH_PERMILLE, 10, language)
