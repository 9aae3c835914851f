"""Template filters that say the charter, its label and its audits in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.template import Library
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

from releve.accounts.roles import Role
from releve.desk.charter.audit_page import AuditPage
from releve.desk.charter.forms import CONCLUSIONS, METHODS, SEVERITIES
from releve.desk.charter.page import CharterPage
from releve.desk.filters import add_words
from releve.desk.live.forms import VERDICTS
from releve.desk.live.words import WHY_WORDS, notice_text
from releve.desk.text import text_now
from releve.network import Operator
from releve.situation import STANDINGS, CharterLabel, CharterMeasure, Notice, SiteStandings

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
add_words(register, "standing_word", _WORDS)
add_words(register, "standing_tone", _TONES)
add_words(register, "verdict_tone", {**_TONES, "not_applicable": "unknown"})
add_words(register, "standing_sign", _SIGNS)
add_words(register, "measure_severity", _MEASURES, else_code=True)
add_words(register, "severity_word", dict(SEVERITIES), else_code=True)
add_words(register, "finding_state", _STATES)
add_words(register, "finding_tone", _STATE_TONES)
add_words(register, "conclusion_word", {"": lazy("goes on"), **dict(CONCLUSIONS)})
add_words(register, "verdict_word", dict(VERDICTS), else_code=True)
add_words(register, "method_word", dict(METHODS), else_code=True)


@register.simple_tag
def standings() -> list[str]:
    """Return the standings that are asked for, the best first."""
    return [*reversed(STANDINGS)]


@register.filter
def label_tone(label: CharterLabel) -> str:
    if not label.stands:
        return "missed"
    return "thin" if label.falls_on is not None else "held"


@register.filter
def whys(reasons: Iterable[str]) -> str:
    """Return why the label does not stand."""
    return text_now("UTC").list([str(WHY_WORDS[reason]) for reason in reasons])


@register.filter
def ending_words(row: Notice, operator: Operator) -> str:
    """Return a notice as a sentence."""
    return notice_text(row, operator, text_now(operator.row.time_zone))


@register.filter
def column_at(number: int) -> int:
    """Return where a column of the picture begins, after the names of the sites."""
    return 190 + 26 * number


@register.filter
def row_at(number: int) -> int:
    """Return where a row of the picture begins, below the numbers of the measures."""
    return 26 + 26 * number


@register.filter
def standing_cells(
    row: SiteStandings, page: CharterPage
) -> Iterator[tuple[CharterMeasure, str, str, str]]:
    """Return the cells of a site: measure, standing, that of 30 days ago, and how they compare."""
    return zip(page.measures, row.values, row.before, row.changes, strict=True)


@register.filter
def trend(row: SiteStandings) -> str:
    """Return the share kept over 30 days as the path of a line, in a box of 90 by 20."""
    step = 90 / max(1, len(row.kept) - 1)
    points = [
        f"{n * step:.1f} {20 - 18 * share:.1f}"
        for n, share in enumerate(row.kept)
        if share is not None
    ]
    return "M" + "L".join(points) if points else ""


@register.filter
def measure_of(measure: str, page: CharterPage | AuditPage) -> CharterMeasure | None:
    """Return a measure of the page's charter; None where it is of an older one."""
    return next((row for row in page.measures if row.id == measure), None)


@register.filter
def owner_word(role: str) -> str:
    return str(Role(role).label) if role in Role.values else role
