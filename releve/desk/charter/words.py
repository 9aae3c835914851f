"""Template filters that say the charter, its label and its audits in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, pgettext_lazy

from releve.accounts.roles import Role
from releve.desk.charter.audit_page import AuditPage, ObservationLine
from releve.desk.charter.forms import METHODS
from releve.desk.charter.page import (
    CharterPage,
    EndingNotice,
    FindingLine,
    LabelCard,
    MeasureHead,
    MeasureLine,
    SiteStandings,
)
from releve.desk.filters import add_words
from releve.desk.live.forms import VERDICTS
from releve.desk.live.words import WHY_WORDS, notice_text
from releve.desk.text import text_now
from releve.network import Operator
from releve.situation import STANDINGS, Notice

register = Library()

_WORDS = {
    "not_kept": lazy("not kept"),
    "expired": lazy("evidence too old"),
    "unknown": pgettext_lazy("measure", "not known"),
    "partly": lazy("partly kept"),
    "kept": lazy("kept"),
    "": lazy("not asked"),
}
_TONES = {
    "not_kept": "missed", "expired": "contract", "unknown": "unknown", "partly": "thin",
    "kept": "held", "": "none",
}  # fmt: skip
_SIGNS = {"not_kept": "×", "expired": "!", "unknown": "?", "partly": "~", "kept": "", "": ""}
_SEVERITIES = {"major": lazy("major"), "minor": lazy("minor")}
_MEASURES = {
    "major": pgettext_lazy("measure", "major"),
    "minor": pgettext_lazy("measure", "minor"),
}
_STATES = {
    "raised": lazy("waits for an answer"),
    "answered": lazy("answered, waits for verification"),
    "refused": lazy("the answer did not work, waits for another"),
    "closed": lazy("verified and closed"),
}
_STATE_TONES = {"raised": "missed", "answered": "thin", "refused": "missed", "closed": "held"}
_CONCLUSIONS = {
    "conforms": lazy("conforms"),
    "conforms_with_findings": lazy("conforms, with findings"),
    "does_not_conform": lazy("does not conform"),
    "": lazy("goes on"),
}
add_words(register, "standing_word", _WORDS)
add_words(register, "standing_tone", _TONES)
add_words(register, "measure_severity", _MEASURES, else_code=True)
add_words(register, "severity_word", _SEVERITIES, else_code=True)
add_words(register, "finding_state", _STATES)
add_words(register, "finding_tone", _STATE_TONES)
add_words(register, "conclusion_word", _CONCLUSIONS)
add_words(register, "verdict_word", dict(VERDICTS), else_code=True)
add_words(register, "method_word", dict(METHODS), else_code=True)

_CELL, _NAME_WIDTH, _TREND_WIDTH, _HEAD = 26, 190, 110, 26


@dataclass(frozen=True, slots=True)
class StandingCell:
    """A cell of the picture: place, sign and what it says; ``arrow`` points up or down, or none."""

    x: int
    tone: str
    sign: str
    arrow: str
    title: str


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A row of the picture."""

    y: int
    name: str
    url: str
    cells: tuple[StandingCell, ...]
    trend: str
    title: str


@dataclass(frozen=True, slots=True)
class StandingPicture:
    """The matrix of sites and measures, in the units of its box."""

    width: int
    height: int
    heads: tuple[tuple[int, int, MeasureHead], ...]
    """Place, number and measure of each column."""
    rows: tuple[StandingRow, ...]
    trend_x: int
    title: str


@register.filter
def standing_legend(page: CharterPage) -> tuple[tuple[str, str], ...]:
    """Return the standings with their signs, the best first."""
    return tuple((value, _SIGNS[value] or "□") for value in reversed(STANDINGS))


@register.filter
def label_tone(label: LabelCard) -> str:
    if not label.stands:
        return "missed"
    return "thin" if label.falls_on is not None else "held"


@register.filter
def label_words(label: LabelCard) -> str:
    """Return whether the label stands, and the day on which it falls."""
    text = text_now("UTC")
    if not label.stands:
        return _("The label does not stand: {why}.").format(why=_list_whys(label.reasons))
    if label.falls_on is None:
        return _("The label stands; nothing brings it down within 400 days.")
    return _("The label stands. It falls on {day} if nothing is done: {why}.").format(
        day=text.day(label.falls_on), why=_list_whys(label.because)
    )


def _list_whys(reasons: Iterable[str]) -> str:
    return text_now("UTC").list([str(WHY_WORDS[reason]) for reason in reasons])


@register.filter
def ending_words(row: EndingNotice, operator: Operator) -> str:
    """Return a notice as a sentence."""
    text = text_now(operator.row.time_zone)
    due = datetime.combine(row.due, datetime.min.time()).astimezone()
    return notice_text(Notice(row.code, row.site, due, row.params), operator, text)


@register.filter
def picture(page: CharterPage) -> StandingPicture:
    """Return the matrix of sites and measures as a picture."""
    width = _NAME_WIDTH + _CELL * len(page.measures)
    return StandingPicture(
        width=width + _TREND_WIDTH,
        height=_HEAD + _CELL * len(page.sites) + 8,
        heads=tuple(
            (_NAME_WIDTH + _CELL * n + _CELL // 2, n + 1, head)
            for n, head in enumerate(page.measures)
        ),
        rows=tuple(_draw_row(row, n, page) for n, row in enumerate(page.sites)),
        trend_x=width + 10,
        title=ngettext(
            "Standing of the charter’s measures at {sites} site",
            "Standing of the charter’s measures at {sites} sites",
            len(page.sites),
        ).format(sites=len(page.sites)),
    )


def _draw_row(row: SiteStandings, number: int, page: CharterPage) -> StandingRow:
    cells = []
    for n, (head, value, before) in enumerate(
        zip(page.measures, row.values, row.before, strict=True)
    ):
        arrow = _compare(value, before)
        said = f"{row.name} · {text_now('UTC').own(head)} {_WORDS[value]}"
        if arrow:
            said += " " + _("(30 days ago: {standing})").format(standing=_WORDS[before])
        cells.append(
            StandingCell(_NAME_WIDTH + _CELL * n, _TONES[value], _SIGNS[value], arrow, said)
        )
    kept = [value for value in row.values if value]
    share = kept.count("kept") / len(kept) if kept else 0.0
    title = _("{name}: {share} of the measures kept").format(
        name=row.name, share=text_now("UTC").percent(share)
    )
    return StandingRow(
        _HEAD + _CELL * number, row.name, row.url, tuple(cells), _draw_trend(row), title
    )


def _compare(value: str, before: str) -> str:
    """Return ``up`` or ``down`` where a standing is better or worse than 30 days ago."""
    if not value or not before or value == before:
        return ""
    return "up" if STANDINGS.index(value) > STANDINGS.index(before) else "down"


def _draw_trend(row: SiteStandings) -> str:
    """Return the share kept over 30 days as the path of a line, in a box of 90 by 20."""
    step, points = 90 / max(1, len(row.kept) - 1), []
    for n, share in enumerate(row.kept):
        if share is not None:
            points.append(f"{n * step:.1f} {20 - 18 * share:.1f}")
    return "M" + "L".join(points) if points else ""


@register.filter
def change_words(row: MeasureLine) -> str:
    """Return when a standing changes if nothing is done; empty where it does not."""
    if row.changes_on is None:
        return ""
    day = text_now("UTC").day(row.changes_on, weekday=False)
    if not row.changes_to:
        return _("not asked from {day} on").format(day=day)
    return _("{standing} from {day} on").format(standing=_WORDS[row.changes_to], day=day)


@register.filter
def late_words(row: MeasureLine) -> str:
    """Return what was known that day, where records that came later changed it."""
    if not row.late:
        return ""
    return ngettext(
        "{count} record came later; as known that day: {standing}.",
        "{count} records came later; as known that day: {standing}.",
        row.late,
    ).format(count=row.late, standing=_WORDS[row.before])


@register.filter
def finding_measure(row: FindingLine, page: CharterPage | AuditPage) -> str:
    """Return the text of the measure of a finding."""
    heads = page.measures if isinstance(page, CharterPage) else (line.head for line in page.lines)
    found = next((head for head in heads if head.measure == row.measure), None)
    return row.measure if found is None else text_now("UTC").own(found)


@register.filter
def owner_word(role: str) -> str:
    return str(Role(role).label) if role in Role.values else role


@register.filter
def verdict_tone(line: ObservationLine) -> str:
    return _TONES.get(line.verdict, "unknown")
