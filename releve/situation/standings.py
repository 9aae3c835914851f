"""Where each measure of the charter stands at each site, computed from evidence that ages.

A measure without evidence is unknown, never kept; with evidence that is too old it is expired.
While an auditor's finding is open the measure is not kept (major) or at best partly kept (minor),
whatever the checks say. All sites, measures and days are judged at once; a single day comes with
its reasons and the day on which the standing changes if nothing is done.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from releve.network import UTC, Operator, day_bounds
from releve.situation.audits import list_findings
from releve.situation.charter import Charter, CharterMeasure, EvidenceRule
from releve.situation.charter_evidence import (
    EvidenceEvent,
    EvidenceTable,
    build_evidence_table,
    concerns_measure,
    find_day,
    list_evidence,
)
from releve.situation.event import Event
from releve.situation.events_audit import AuditObserved
from releve.situation.events_control import AuditVerdict
from releve.situation.head_counts import FindingSpan, list_finding_spans
from releve.situation.lateness import find_late_record
from releve.situation.rule_kinds import SituationRules
from releve.situation.situation import Situation

STANDINGS = ("not_kept", "expired", "unknown", "partly", "kept")
"""From the worst to the best; arrays hold their places."""
NOT_KEPT, EXPIRED, UNKNOWN, PARTLY, KEPT = range(5)
_LONGEST_DAYS = 400
Codes = npt.NDArray[np.int8]
_OF_CODE = np.array([UNKNOWN, KEPT, KEPT, PARTLY, NOT_KEPT], np.int8)
"""The standing by the latest finding, by its code in ``charter_evidence.CODES``."""
_FIELD = 10
_ADDENDS = np.array([0, 0, 1, 1 << _FIELD, 1 << 2 * _FIELD], np.uint32)
"""One of each code that is counted: kept, partly and not kept are summed as one number, of at most
366 days each."""


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

    def share_kept(self, measures: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the share of some measures that is kept, [site, day]; NaN where none is asked."""
        values = self.values[:, [self.measures.index(measure) for measure in measures]]
        asked, kept = (values >= 0).sum(axis=1), (values == len(STANDINGS) - 1).sum(axis=1)
        shares = np.full(asked.shape, np.nan)
        np.divide(kept, asked, out=shares, where=asked > 0)
        return shares


@dataclass(frozen=True, slots=True)
class Standing:
    """One measure of a site on a day.

    ``events`` are the ids of the evidence it rests on, ``late`` those of them that were recorded
    late, ``after`` those recorded after the day that is judged. ``before`` is the standing as known
    when the day ended. ``changes_on`` is the day on which it will differ if nothing is recorded
    (None = not within 400 days).
    """

    measure: str
    site: str
    day: date
    value: str
    before: str
    events: tuple[str, ...]
    late: tuple[str, ...]
    after: tuple[str, ...]
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
        within={
            rule.recorded_within
            for charter, _, _ in versions
            for measure in charter.measures
            for rule in measure.evidence
            if rule.recorded_within is not None
        },
    )
    values = np.full((len(table.sites), len(measures), days), -1, np.int8)
    for charter, start, end in versions:
        for measure in charter.measures:
            at = measures.index(measure.id)
            values[:, at, start:end] = _judge_measure(measure, table, at, back + start, back + end)
    grid = StandingGrid(table.sites, measures, first_day, values)
    if with_findings:
        for span in list_finding_spans(situation, operator, first_day, days, until=until, known_at=known_at):
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
        or event.recorded_at > raised.get((event.audit, event.site, event.measure), datetime.min.replace(tzinfo=UTC))
    ]


def _cap_standings(grid: StandingGrid, span: FindingSpan) -> None:
    """Lower the standing of a measure on the days on which a finding of it is open."""
    raised = span.finding
    if raised.site in grid.sites and raised.measure in grid.measures:
        at = (grid.sites.index(raised.site), grid.measures.index(raised.measure))
        cells = grid.values[at][span.start : span.end]
        most = NOT_KEPT if raised.severity == "major" else PARTLY
        cells[cells >= 0] = np.minimum(cells[cells >= 0], most)


def compute_site_standings(
    situation: Situation, operator: Operator, rules: SituationRules, site: str, day: date
) -> tuple[Standing, ...]:
    """Return the standing of every measure of a site with its evidence, in the charter's order.

    Empty on a day without a charter.
    """
    charter = rules.charter(day)
    if charter is None:
        return ()
    ended = day_bounds(day, operator.site[site].time_zone)[1]

    def judge(days: int, known_at: datetime | None = None) -> StandingGrid:
        return compute_standings(situation, operator, rules, day, days, until=day, sites=(site,), known_at=known_at)

    grid, then = judge(_LONGEST_DAYS), judge(1, ended)
    seen = [
        (find_day(event, operator), event) for event in list_evidence(situation, site=site) if event.site in (site, "")
    ]
    raised = [
        span.finding for span in list_finding_spans(situation, operator, day, 1, until=day) if span.finding.site == site
    ]
    found = []
    for measure in charter.measures:
        ahead = grid.values[0, grid.measures.index(measure.id)]
        before = then.get(site, measure.id, day)
        oldest = day - timedelta(days=_reach(measure))
        used: list[Event] = [event for on, event in seen if oldest <= on <= day and concerns_measure(event, measure.id)]
        used += [finding for finding in raised if finding.measure == measure.id]
        late = tuple(event.id for event in used if find_late_record(event, operator))
        found.append(_describe(measure.id, site, day, ahead, before or "", used, late, ended))
    return tuple(found)


def _describe(
    measure: str,
    site: str,
    day: date,
    ahead: Codes,
    before: str,
    used: Sequence[Event],
    late: tuple[str, ...],
    ended: datetime,
) -> Standing:
    """Return a standing by how it ages from its day on, ``ahead[day]``, and its evidence."""
    changed = np.flatnonzero(ahead != ahead[0])
    return Standing(
        measure, site, day,
        STANDINGS[ahead[0]],
        before,
        tuple(event.id for event in used),
        late,
        tuple(event.id for event in used if event.recorded_at > ended),
        day + timedelta(days=int(changed[0])) if changed.size else None,
        STANDINGS[ahead[changed[0]]] if changed.size and ahead[changed[0]] >= 0 else "",
    )  # fmt: skip


def _list_versions(rules: SituationRules, first_day: date, days: int) -> list[tuple[Charter, int, int]]:
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


def _judge_measure(measure: CharterMeasure, table: EvidenceTable, at: int, start: int, end: int) -> Codes:
    """Return the standing of a measure, number ``at``, at every site on some days of the table."""
    judged = list(_iter_rules(measure, table, at, start, end))
    if not judged:
        return np.full((len(table.sites), end - start), UNKNOWN, np.int8)
    best = measure.needs == "any"
    joined: Codes = (np.maximum if best else np.minimum).reduce(judged)
    return joined


def _iter_rules(measure: CharterMeasure, table: EvidenceTable, at: int, start: int, end: int) -> Iterator[Codes]:
    """Yield what each rule says; an optional one without fresh evidence leaves it to the others."""
    asked = any(not rule.optional for rule in measure.evidence)
    for rule in measure.evidence:
        found = _apply_rule(rule, table, at, start, end)
        if rule.optional and asked and measure.needs == "all":
            np.copyto(found, KEPT, where=(found == UNKNOWN) | (found == EXPIRED))
        yield found


def _apply_rule(rule: EvidenceRule, table: EvidenceTable, at: int, start: int, end: int) -> Codes:
    """Return the standing by one rule.

    Days are walked once. ``newest`` is 8 × the day of the newest finding + its code; days count
    from 2 at the first one that can be fresh, 1 is any day before it, and 0 is none.
    """
    codes = _join_codes(rule, table, at, end)
    first = max(start - rule.fresh_days, 0)
    days: npt.NDArray[Any] = np.arange(2, end - first + 2, dtype=table.lapsed.dtype)
    newest = (8 * days + codes[:, first:]) * (codes[:, first:] > 0)
    newest[:, 0] = np.maximum(newest[:, 0], 8 * codes[:, :first].any(axis=1))
    newest = _accumulate_from(newest, start - first)
    if rule.rule == "latest":
        found = _OF_CODE.take(newest & 7)
        if AuditVerdict.kind in rule.sources:
            given = _accumulate_from(table.lapsed[:, at, first:end], start - first) - (first - 1)
            np.copyto(found, EXPIRED, where=newest >> 3 <= given)  # no finding since that verdict
    else:
        found = _judge_share(rule, codes, start)
    oldest = 8 * (days[start - first :] - rule.fresh_days)
    np.copyto(found, EXPIRED, where=newest < oldest)
    np.copyto(found, UNKNOWN, where=newest == 0)
    return found


def _accumulate_from(days: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
    """Return the largest value up to each day, from a day on."""
    largest = days[:, start:].copy()
    largest[:, 0] = days[:, : start + 1].max(axis=1)
    return np.maximum.accumulate(largest, axis=1, out=largest)


def _join_codes(rule: EvidenceRule, table: EvidenceTable, at: int, end: int) -> Codes:
    """Return what the sources of a rule found of a measure: int8[site, day], the largest counts."""
    return reduce(np.maximum, (table.codes[rule.recorded_within][source][:, at, :end] for source in rule.sources))


def _judge_share(rule: EvidenceRule, codes: Codes, start: int) -> Codes:
    """Return the standing by the findings of the last days, from a day of the table on."""
    sums = np.zeros((len(codes), codes.shape[1] - start + rule.days), np.uint32)
    seen = codes[:, max(start - rule.days + 1, 0) :]
    np.cumsum(_ADDENDS.take(seen), axis=1, out=sums[:, -seen.shape[1] :])
    within = sums[:, rule.days :] - sums[:, : -rule.days]
    field = (1 << _FIELD) - 1
    kept, partly = within & field, within >> _FIELD & field
    unkept = within >> 2 * _FIELD
    if rule.rule == "none_not_kept":
        found = np.where(partly, PARTLY, KEPT)
        found[unkept > 0] = NOT_KEPT
    else:
        found = np.where(kept + partly, PARTLY, NOT_KEPT)
        found[kept >= rule.least * (kept + partly + unkept)] = KEPT
    return found.astype(np.int8)


TREND_DAYS = 30


@dataclass(frozen=True, slots=True)
class SiteStandings:
    """A site: a standing for each measure of a charter, in its order; empty: none is asked.

    ``before`` is of 30 days ago, and ``changes`` how it differs (up, down or empty); ``kept`` the
    share of the measures kept day by day, the oldest first, None where none is asked.
    """

    site: str
    name: str
    values: tuple[str, ...]
    before: tuple[str, ...]
    changes: tuple[str, ...]
    kept: tuple[float | None, ...]


def list_site_standings(
    situation: Situation, operator: Operator, rules: SituationRules, charter: Charter, day: date, sites: Sequence[str]
) -> Iterator[SiteStandings]:
    first = day - timedelta(days=TREND_DAYS)
    grid = compute_standings(situation, operator, rules, first, TREND_DAYS + 1, until=day, sites=sites)
    measures = [measure.id for measure in charter.measures]
    for site, kept in zip(grid.sites, grid.share_kept(measures).tolist(), strict=True):
        values = tuple(grid.get(site, measure, day) or "" for measure in measures)
        before = tuple(grid.get(site, measure, first) or "" for measure in measures)
        yield SiteStandings(
            site=site,
            name=operator.site[site].name,
            values=values,
            before=before,
            changes=tuple(map(_compare, before, values)),
            kept=tuple(None if math.isnan(share) else share for share in kept),
        )


def _compare(before: str, value: str) -> str:
    if not value or not before or value == before:
        return ""
    return "up" if STANDINGS.index(value) > STANDINGS.index(before) else "down"
