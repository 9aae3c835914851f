"""Template filters that say the draws of visits in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, pgettext_lazy

from releve.desk.draws.page import DrawnDayCard, DrawsPage, VisitLine
from releve.desk.filters import add_words
from releve.desk.live.words import when
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
def link_words(card: DrawnDayCard) -> str:
    """Return whose links are on record, and whose are withheld."""
    text = text_now("UTC")
    if not card.revealed:
        said = _("No link is on record.")
    else:
        said = _("Link on record of: {parties}.").format(
            parties=text.list([str(_PARTIES[party]) for party in card.revealed])
        )
    if card.withheld:
        said += " " + _("Drawn without the link of: {parties}.").format(
            parties=text.list([str(_PARTIES[party]) for party in card.withheld])
        )
    return said


@register.filter
def visit_detail(row: VisitLine, page: DrawsPage) -> str:
    """Return what became of a visit: when and by whom it was made, or why it was not."""
    if row.state == "missed":
        return row.reason
    if row.at is None:
        return ""
    at = when(row.at, text_now(page.time_zone))
    return f"{at} ({row.authority})" if row.authority else at


@register.filter
def test_counts(row: VisitLine) -> str:
    """Return how many tests were planned and made on a visit; empty without any."""
    parts = []
    if row.to_test is not None and row.present is not None:
        parts.append(
            _("{tests} tests drawn among {present} present").format(
                tests=row.to_test, present=row.present
            )
        )
    if row.tested is not None:
        parts.append(
            ngettext("{count} test made", "{count} tests made", row.tested).format(count=row.tested)
        )
    return ", ".join(parts)


@register.filter
def waiting_words(card: DrawnDayCard) -> str:
    """Return how many visits are still to make, where they are not shown."""
    hidden = card.waiting - sum(row.state == "waiting" for row in card.visits)
    if hidden <= 0:
        return ""
    return ngettext(
        "{count} drawn visit is still to be made; which one, the inspectors alone see here.",
        "{count} drawn visits are still to be made; which ones, the inspectors alone see here.",
        hidden,
    ).format(count=hidden)


@register.filter
def powers(card: DrawnDayCard) -> tuple[str, ...]:
    """Return what the tests of the visits, planned or made, can find, and what visits can see."""
    return tuple(_list_powers(card))


def _list_powers(card: DrawnDayCard) -> Iterator[str]:
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
