"""Where each measure of the charter stands: computed from what was seen, ageing by itself.

A measure is never kept for want of data: without evidence it is unknown, with evidence that is too
old it is expired. All sites, measures and days are judged at once; one measure of one day likewise,
with its reasons and the day on which it will change if nothing is done. While an auditor's finding
is open its measure is not kept (major), or partly kept at best (minor), whatever the checks say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from releve.network import UTC, Operator, day_bounds
from releve.situation.audits import list_findings
from releve.situation.charter import Charter, CharterMeasure, EvidenceRule
from releve.situation.charter_evidence import (
    LAPSED,
    EvidenceEvent,
    EvidenceTable,
    build_evidence_table,
    list_evidence,
    read_findings,
)
from releve.situation.event import Event
from releve.situation.events_audit import AuditObserved
from releve.situation.finding_spans import FindingSpan, list_finding_spans
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation

__all__ = ["STANDINGS", "Standing", "StandingGrid", "compute_standing", "compute_standings"]

STANDINGS = ("not_kept", "expired", "unknown", "partly", "kept")
"""From the worst to the best; arrays hold their places."""
NOT_KEPT, EXPIRED, UNKNOWN, PARTLY, KEPT = range(5)
_LONGEST_DAYS = 400
_KEPT_CODE, _PARTLY_CODE, _NOT_KEPT_CODE = 2, 3, 4
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class StandingGrid:
    """``values[site, measure, day]``: places in STANDINGS; -1 where there is no such measure."""

    sites: tuple[str, ...]
    measures: tuple[str, ...]
    first_day: date
    values: Codes

    def get(self, site: str, measure: str, day: date) -> str | None:
        """Return one standing; None where the charter of the day has no such measure."""
        at = (self.sites.index(site), self.measures.index(measure), (day - self.first_day).days)
        value = int(self.values[at])
        return None if value < 0 else STANDINGS[value]


@dataclass(frozen=True, slots=True)
class Standing:
    """One measure of a site on a day.

    ``events`` are the ids of the evidence it rests on, ``late`` those of them that were recorded
    after the day; ``before`` is the standing as known when the day ended. ``changes_on`` is the day
    on which it will differ if nothing is recorded (None = not within 400 days).
    """

    measure: str
    site: str
    day: date
    value: str
    before: str
    events: tuple[str, ...]
    late: tuple[str, ...]
    changes_on: date | None
    changes_to: str


def compute_standings(
    situation: Situation,
    operator: Operator,
    rules: SituationRules,
    first_day: date,
    days: int,
    *,
    until: date | None = None,
    sites: Sequence[str] | None = None,
    known_at: datetime | None = None,
    with_findings: bool = True,
) -> StandingGrid:
    """Return the standing of every measure of every site on some days.

    Each day is judged by the charter of that day. ``until`` leaves out what was seen later: what
    follows is then how the standing ages if nothing is done. Without ``with_findings`` neither an
    open finding nor the observation that it was raised on lowers it.
    """
    versions = _list_versions(rules, first_day, days)
    measures = tuple(dict.fromkeys(m.id for charter, _, _ in versions for m in charter.measures))
    back = max((_reach(m) for charter, _, _ in versions for m in charter.measures), default=0)
    only = sites[0] if sites and len(sites) == 1 else ""
    evidence = list(list_evidence(situation, known_at, only))
    if not with_findings:
        evidence = _leave_to_findings(evidence, situation)
    table = build_evidence_table(
        evidence,
        operator,
        measures,
        first_day - timedelta(days=back),
        back + days,
        until=until,
        sites=sites,
    )
    values = np.full((len(table.sites), len(measures), days), -1, np.int8)
    for charter, start, end in versions:
        for measure in charter.measures:
            at = measures.index(measure.id)
            judged = _judge_measure(measure, table, at)
            values[:, at, start:end] = judged[:, back + start : back + end]
    grid = StandingGrid(table.sites, measures, first_day, values)
    if with_findings:
        for span in list_finding_spans(
            situation, operator, first_day, days, until=until, known_at=known_at
        ):
            _cap_standings(grid, span)
    return grid


def _leave_to_findings(evidence: list[EvidenceEvent], situation: Situation) -> list[EvidenceEvent]:
    """Return the evidence without the observations on which findings were raised."""
    raised = {
        (row.audit, row.site, row.measure): row.recorded_at
        for row in (found.raised for found in list_findings(situation))
    }
    return [
        event
        for event in evidence
        if not isinstance(event, AuditObserved)
        or event.verdict not in ("partly", "not_kept")
        or event.recorded_at
        > raised.get((event.audit, event.site, event.measure), datetime.min.replace(tzinfo=UTC))
    ]


def _cap_standings(grid: StandingGrid, span: FindingSpan) -> None:
    """Lower the standing of a measure on the days on which a finding of it is open."""
    raised = span.finding
    if raised.site in grid.sites and raised.measure in grid.measures:
        at = (grid.sites.index(raised.site), grid.measures.index(raised.measure))
        cells = grid.values[at][span.start : span.end]
        most = NOT_KEPT if raised.severity == "major" else PARTLY
        cells[cells >= 0] = np.minimum(cells[cells >= 0], most)


def compute_standing(
    situation: Situation,
    operator: Operator,
    rules: SituationRules,
    measure: str,
    site: str,
    day: date,
) -> Standing:
    """Return the standing of one measure with its evidence; ValueError for no such measure."""
    charter = rules.charter(day)
    if charter is None or measure not in charter.measure:
        raise ValueError(f"the charter of {day} has no measure {measure!r}")

    def judge(days: int, known_at: datetime | None = None) -> Codes:
        grid = compute_standings(
            situation, operator, rules, day, days, until=day, sites=(site,), known_at=known_at
        )
        row: Codes = grid.values[0, grid.measures.index(measure)]
        return row

    ahead = judge(_LONGEST_DAYS)
    ended = day_bounds(day, operator.site[site].time_zone)[1]
    changed = np.flatnonzero(ahead != ahead[0])
    reach = _reach(charter.measure[measure])
    used: list[Event] = [
        event for event in list_evidence(situation, site=site)
        if event.site in (site, "") and _bears_on(event, operator, measure, day, reach)
    ]  # fmt: skip
    used += [
        span.finding
        for span in list_finding_spans(situation, operator, day, 1, until=day)
        if (span.finding.site, span.finding.measure) == (site, measure)
    ]
    return Standing(
        measure, site, day,
        STANDINGS[ahead[0]],
        STANDINGS[judge(1, ended)[0]],
        tuple(event.id for event in used),
        tuple(event.id for event in used if event.recorded_at > ended),
        day + timedelta(days=int(changed[0])) if changed.size else None,
        STANDINGS[ahead[changed[0]]] if changed.size and ahead[changed[0]] >= 0 else "",
    )  # fmt: skip


def _bears_on(event: object, operator: Operator, measure: str, day: date, reach: int) -> bool:
    seen, found = read_findings(event, operator)
    return day - timedelta(days=reach) <= seen <= day and any(one == measure for one, _ in found)


def _list_versions(
    rules: SituationRules, first_day: date, days: int
) -> list[tuple[Charter, int, int]]:
    """Return the charters in force with the days on which they are: from, and up to."""
    found: list[tuple[Charter, int, int]] = []
    for at in range(days):
        charter = rules.charter(first_day + timedelta(days=at))
        if charter is None:
            continue
        if found and found[-1][0] is charter and found[-1][2] == at:
            found[-1] = (charter, found[-1][1], at + 1)
        else:
            found.append((charter, at, at + 1))
    return found


def _reach(measure: CharterMeasure) -> int:
    """Return how many days back evidence can bear on a measure, or be known to be too old."""
    return max((max(rule.days, rule.fresh_days) + 1 for rule in measure.evidence), default=0) * 2


def _judge_measure(measure: CharterMeasure, table: EvidenceTable, at: int) -> Codes:
    """Return the standing of a measure at every site on every day of the table."""
    judged = list(_iter_rules(measure, table, at))
    if not judged:
        return np.full((len(table.sites), table.days), UNKNOWN, np.int8)
    best = measure.needs == "any"
    joined: Codes = (np.maximum if best else np.minimum).reduce(judged)
    return joined


def _iter_rules(measure: CharterMeasure, table: EvidenceTable, at: int) -> Iterator[Codes]:
    """Yield what each rule says; an optional one without fresh evidence leaves it to the others."""
    asked = any(not rule.optional for rule in measure.evidence)
    for rule in measure.evidence:
        codes = np.maximum.reduce([table.codes[source][:, at] for source in rule.sources])
        found = _apply_rule(rule, codes)
        if rule.optional and asked and measure.needs == "all":
            found = np.where((found == UNKNOWN) | (found == EXPIRED), KEPT, found).astype(np.int8)
        yield found


def _apply_rule(rule: EvidenceRule, codes: Codes) -> Codes:
    """Return the standing by one rule; ``codes[site, day]``."""
    days = np.arange(codes.shape[1])
    last = np.maximum.accumulate(np.where(codes > 0, days, -1), axis=1)
    newest = np.take_along_axis(codes, np.maximum(last, 0), axis=1)
    if rule.rule == "latest":
        found = np.select(
            [newest == _NOT_KEPT_CODE, newest == _PARTLY_CODE, newest == LAPSED],
            [NOT_KEPT, PARTLY, EXPIRED],
            KEPT,
        )
    else:
        kept = _count_window(codes == _KEPT_CODE, rule.days)
        partly = _count_window(codes == _PARTLY_CODE, rule.days)
        unkept = _count_window(codes == _NOT_KEPT_CODE, rule.days)
        if rule.rule == "none_not_kept":
            found = np.select([unkept > 0, partly > 0], [NOT_KEPT, PARTLY], KEPT)
        else:
            enough = kept >= rule.least * (kept + partly + unkept)
            found = np.select([enough, kept + partly > 0], [KEPT, PARTLY], NOT_KEPT)
    found = np.where(days - last > rule.fresh_days, EXPIRED, found)
    return np.where(last < 0, UNKNOWN, found).astype(np.int8)


def _count_window(hits: npt.NDArray[np.bool_], days: int) -> npt.NDArray[np.int32]:
    """Return how many hits lie within the last days, that day included."""
    total = np.cumsum(hits, axis=1, dtype=np.int32)
    total[:, days:] -= total[:, :-days].copy()
    return total
