"""The label of the charter: whether it stands on a day, and the day on which it will fall."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from releve.network import Operator
from releve.situation.head_counts import FindingSpan, list_finding_spans
from releve.situation.refusal import to_local_day
from releve.situation.rule_kinds import LabelRule, SituationRules
from releve.situation.situation import Situation
from releve.situation.standings import EXPIRED, KEPT, NOT_KEPT, PARTLY, UNKNOWN, StandingGrid, compute_standings

_LONGEST_DAYS = 400
_BAD = (NOT_KEPT, EXPIRED, UNKNOWN)
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CharterLabel:
    """The label on a day.

    ``reasons`` say why it does not stand: ``major``, ``minor``, ``finding``, ``audit``, ``visit``.
    ``falls_on`` is the first day on which it will not, if nothing is recorded, and ``because`` why
    then (None and empty: not within 400 days, or it does not stand).
    """

    day: date
    reasons: tuple[str, ...]
    falls_on: date | None
    because: tuple[str, ...]

    @property
    def stands(self) -> bool:
        return not self.reasons


def compute_label(situation: Situation, operator: Operator, rules: SituationRules, day: date) -> CharterLabel | None:
    """Return the label on a day, by what was seen until then; None where no rule asks for one.

    A site that is closed asks for nothing; a charter has to be in force. A major finding that is
    open lets the label stand up to its due day; a minor one counts like a minor measure.
    """
    rule, charter = rules.one(LabelRule, day), rules.charter(day)
    if rule is None or charter is None:
        return None
    open_sites = [site.id for site in operator.sites if situation.site(site.id).closure is None]
    grid = compute_standings(
        situation, operator, rules, day, _LONGEST_DAYS, until=day, sites=open_sites, with_findings=False
    )
    spans = [
        span
        for span in list_finding_spans(situation, operator, day, _LONGEST_DAYS, until=day)
        if span.finding.site in open_sites
    ]
    _excuse(grid, spans)
    major = {measure.id for measure in charter.measures if measure.severity == "major"}
    minors = _count_days(span for span in spans if span.finding.severity == "minor")
    fallen = {
        "major": _count_bad(grid, major, partly=False) > 0,
        "minor": _count_bad(grid, {*grid.measures} - major, partly=True) + minors > rule.most_minors,
        "finding": _count_days(replace(span, start=span.overdue) for span in spans if span.finding.severity == "major")
        > 0,
        "audit": _find_old_days(day, _list_audit_days(situation, operator), rule.audit_days),
        "visit": _find_old_days(day, _list_drawn_visits(situation, operator), rule.visit_days),
    }
    reasons = tuple(name for name, days in fallen.items() if days[0])
    first = {name: int(np.argmax(days)) for name, days in fallen.items() if days.any()}
    if reasons or not first:
        return CharterLabel(day, reasons, None, ())
    at = min(first.values())
    because = tuple(name for name, when in first.items() if when == at)
    return CharterLabel(day, (), day + timedelta(days=at), because)


def _excuse(grid: StandingGrid, spans: list[FindingSpan]) -> None:
    """Leave to its finding what is not kept, or partly, while the finding is open.

    Evidence that is missing or too old is not excused by it.
    """
    for span in spans:
        raised = span.finding
        if raised.measure in grid.measures:
            at = (grid.sites.index(raised.site), grid.measures.index(raised.measure))
            cells = grid.values[at][span.start : span.end]
            cells[np.isin(cells, (NOT_KEPT, PARTLY))] = KEPT


def _count_days(spans: Iterable[FindingSpan]) -> Counts:
    """Return how many findings are open on each day."""
    count = np.zeros(_LONGEST_DAYS, np.int64)
    for span in spans:
        count[span.start : span.end] += 1
    return count


def _count_bad(grid: StandingGrid, measures: set[str], *, partly: bool) -> Counts:
    """Return how many of some measures are not kept on each day, over all sites."""
    which = [at for at, measure in enumerate(grid.measures) if measure in measures]
    values = grid.values[:, which]
    bad = (values >= 0) & (values < KEPT) if partly else np.isin(values, _BAD)
    count: Counts = bad.sum(axis=(0, 1))
    return count


def _find_old_days(day: date, seen: Iterator[date], most: int) -> npt.NDArray[np.bool_]:
    """Return on which days the last of some days is more than ``most`` days ago, or missing."""
    last = max((one for one in seen if one <= day), default=None)
    if last is None:
        return np.ones(_LONGEST_DAYS, bool)
    old: npt.NDArray[np.bool_] = np.arange(_LONGEST_DAYS) + (day - last).days > most
    return old


def _list_audit_days(situation: Situation, operator: Operator) -> Iterator[date]:
    """Yield the days of verdicts, and of audits concluded otherwise than as not conforming."""
    for verdict in situation.audits.values():
        yield to_local_day(verdict.happened_at, verdict.site, operator)
    for audit in situation.charter_audits.values():
        end = audit.concluded
        if end is not None and end.conclusion != "does_not_conform":
            yield to_local_day(end.happened_at, "", operator)


def _list_drawn_visits(situation: Situation, operator: Operator) -> Iterator[date]:
    """Yield the days of the visits that were drawn and made."""
    drawn = {
        (day, site) for plan in situation.draws.values() for day, _ in plan.draws for site in plan.list_visits(day)
    }
    for visit in situation.inspections:
        day = to_local_day(visit.happened_at, visit.site, operator)
        if (day, visit.site) in drawn:
            yield day
