"""The evidence for each measure, day by day, as one table, and a site's checks and inspections.

Evidence counts for the day on which it was seen, however late it was recorded; ``known_at`` gives
the table as of an earlier moment. A year of 200 sites has some 800,000 findings, so they are
filled in by columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from releve.network import Operator
from releve.situation.charter import SOURCES
from releve.situation.event import Event, MeasureFinding
from releve.situation.events_audit import AuditObserved, FindingVerified
from releve.situation.events_control import AuditVerdict, CheckDone, InspectionHeld
from releve.situation.lateness import find_late_record, find_time_zone, is_recorded_within
from releve.situation.refusal import to_local_day
from releve.situation.situation import Situation

CODES: Mapping[str, int] = {"not_applicable": 1, "kept": 2, "met": 2, "partly": 3, "not_kept": 4, "not_met": 4}
"""What was found as a number; 0 = nothing. Of two on one day the larger one counts; of an audit's
observations, the last."""
_FAMILIES = ("checks", "inspections", "audits", "charter_audits")
EvidenceEvent = CheckDone | InspectionHeld | AuditVerdict | AuditObserved | FindingVerified
_Seen = tuple[EvidenceEvent, int]
"""Evidence and its day, counted from the first of the table."""
_KINDS = (CheckDone, InspectionHeld, AuditVerdict, AuditObserved, FindingVerified)
_MOST_SHORT_DAYS = 4000
"""Of up to so many days 8 × the number of a day fits into 16 bits."""
_WITH_FINDINGS = (CheckDone, InspectionHeld)


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    """``codes[within][source][site, measure, day]``, int8; day 0 is ``first_day``.

    ``within`` None: all that was seen. Else what was recorded more than so many days after the day
    on which it was seen shows of no measure that it was kept.

    ``lapsed[site, measure, day]``: on the day after the last one of an auditor's verdict, one more
    than the day on which it was given; else 0. Its type of integers holds 8 × ``days``.
    """

    sites: tuple[str, ...]
    measures: tuple[str, ...]
    first_day: date
    days: int
    codes: Mapping[int | None, Mapping[str, npt.NDArray[np.int8]]]
    lapsed: npt.NDArray[np.int16] | npt.NDArray[np.int32]


def list_evidence(situation: Situation, known_at: datetime | None = None, site: str = "") -> Iterator[EvidenceEvent]:
    """Yield the events that count as evidence, as known now or at an earlier moment.

    Of the checks of a day the last one counts; every visit, verdict and observation does, and a
    finding verified as effective: what was wrong is seen kept. ``site`` leaves out other sites.
    """
    gone = {event.corrects for event in situation.corrections if known_at is None or event.recorded_at <= known_at}
    for family in _FAMILIES:
        for subject, topic in situation.families.get(family, {}).items():
            if site and family != "charter_audits" and subject[0] not in (site, ""):
                continue
            found: Sequence[Event] = topic.events
            if gone or known_at is not None:
                found = [
                    event for event in found
                    if event.id not in gone and (known_at is None or event.recorded_at <= known_at)
                ]  # fmt: skip
            for event in found[-1:] if family == "checks" else found:
                if isinstance(event, _KINDS) and (not isinstance(event, FindingVerified) or event.effective):
                    yield event


def find_day(event: EvidenceEvent, operator: Operator) -> date:
    """Return the day on which something was seen, at its site."""
    if isinstance(event, CheckDone):
        return event.day
    at = event.seen_at if isinstance(event, AuditObserved) else event.happened_at
    return to_local_day(at, event.site, operator)


def concerns_measure(event: EvidenceEvent, measure: str) -> bool:
    """Return whether something was found of a measure."""
    if isinstance(event, CheckDone | InspectionHeld):
        return any(one.measure == measure for one in event.findings)
    return event.measure == measure


def build_evidence_table(
    evidence: Collection[EvidenceEvent],
    operator: Operator,
    measures: Sequence[str],
    first_day: date,
    days: int,
    *,
    until: date | None = None,
    sites: Sequence[str] | None = None,
    within: Collection[int] = (),
) -> EvidenceTable:
    """Return the table of some days; what was seen after ``until`` is left out.

    ``within`` are the numbers of days within which rules ask for a record.
    """
    named = tuple(site.id for site in operator.sites) if sites is None else tuple(sites)
    start = first_day.toordinal()
    last = min(days - 1, until.toordinal() - start) if until is not None else days - 1
    seen: list[_Seen] = []
    for event in evidence:
        at = find_day(event, operator).toordinal() - start
        if 0 <= at <= last:
            seen.append((event, at))
    cells = _TableCells(named, tuple(measures), start, days)
    codes, lapsed = cells.fill(seen)
    by_limit: dict[int | None, Mapping[str, npt.NDArray[np.int8]]] = {None: codes}
    for limit in within:
        shown = list(_drop_late(seen, operator, first_day, limit))
        changed = len(shown) != len(seen) or any(
            one is not other for (one, _), (other, _) in zip(shown, seen, strict=True)
        )
        by_limit[limit] = cells.fill(shown)[0] if changed else codes
    return EvidenceTable(named, tuple(measures), first_day, days, by_limit, lapsed)


def _drop_late(seen: Iterable[_Seen], operator: Operator, first_day: date, limit: int) -> Iterator[_Seen]:
    """Yield what was seen, without what was found kept and recorded too late to show it."""
    for event, at in seen:
        zone_name = find_time_zone(event.site, operator)
        if is_recorded_within(event, first_day + timedelta(days=at), limit, zone_name):
            yield event, at
        elif isinstance(event, CheckDone | InspectionHeld):
            wanting = [one for one in event.findings if CODES[one.verdict] > CODES["kept"]]
            if wanting:
                yield replace(event, findings=tuple(wanting)), at
        elif not isinstance(event, FindingVerified) and CODES[event.verdict] > CODES["kept"]:
            yield event, at


@dataclass(frozen=True, slots=True)
class _TableCells:
    """The shape of a table, whose cells are put in place by columns; ``start`` is an ordinal."""

    sites: tuple[str, ...]
    measures: tuple[str, ...]
    start: int
    days: int

    def fill(self, seen: Iterable[_Seen]) -> tuple[dict[str, npt.NDArray[np.int8]], npt.NDArray[Any]]:
        """Return ``codes`` by source, and ``lapsed``."""
        rows = {site: i * len(self.measures) * self.days for i, site in enumerate(self.sites)}
        steps = {measure: i * self.days for i, measure in enumerate(self.measures)}
        checks, visits, audits = _Findings(), _Findings(), _AuditCells({}, {}, {})
        for event, at in seen:
            if isinstance(event, _WITH_FINDINGS):
                if event.site in rows:
                    kept = checks if isinstance(event, CheckDone) else visits
                    kept.add(rows[event.site] + at, event.findings)
            elif event.measure in steps:
                for site in (event.site,) if event.site else rows:
                    if site in rows:
                        audits.add(event, rows[site] + steps[event.measure] + at, at, self.start)
        shape = (len(self.sites), len(self.measures), self.days)
        codes = {source: np.zeros(shape, np.int8) for source in SOURCES}
        checks.fill(codes[CheckDone.kind], steps)
        visits.fill(codes[InspectionHeld.kind], steps)
        for kind, cells in ((AuditVerdict.kind, audits.verdicts), (AuditObserved.kind, audits.observations)):
            codes[kind].reshape(-1)[list(cells)] = list(cells.values())
        return codes, audits.lapse(shape)


class _Findings:
    """The findings of checks or of visits; those of the same measures are put in place at once."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._starts: list[int]
        self._codes: bytearray
        self._found: dict[tuple[str, ...], tuple[list[int], bytearray]] = {}

    def add(self, start: int, findings: tuple[MeasureFinding, ...]) -> None:
        """Add findings; ``start`` is where the first measure of the table is on that day."""
        names = tuple([one.measure for one in findings])
        if names != self._names:  # most findings name the same measures as those before
            self._names = names
            self._starts, self._codes = self._found.setdefault(names, ([], bytearray()))
        self._starts.append(start)
        self._codes += bytes([CODES[one.verdict] for one in findings])

    def fill(self, codes: npt.NDArray[np.int8], steps: Mapping[str, int]) -> None:
        """Put the code of each finding in its place; of several in one the largest counts."""
        for names, (starts, found) in self._found.items():
            asked = [name in steps for name in names]  # other charters have other measures
            rows = np.frombuffer(found, np.int8).reshape(len(starts), len(names))[:, asked]
            step = np.array([steps[name] for name in names if name in steps], np.int64)
            places = np.array(starts, np.int64)[:, None] + step
            np.maximum.at(codes.reshape(-1), places, rows)


@dataclass(frozen=True, slots=True)
class _AuditCells:
    """The codes of verdicts and of observations by cell; when the verdict of a cell lapses.

    ``ends``: the last record of it, the day it was given and the first one on which it is over.
    """

    verdicts: dict[int, int]
    observations: dict[int, int]
    ends: dict[int, tuple[datetime, int, int]]

    def add(self, event: AuditVerdict | AuditObserved | FindingVerified, cell: int, at: int, start: int) -> None:
        if isinstance(event, AuditVerdict):
            self.verdicts[cell] = max(self.verdicts.get(cell, 0), CODES[event.verdict])
            end = (event.recorded_at, at, event.valid_to.toordinal() - start + 1)
            self.ends[cell] = max(self.ends.get(cell, end), end)
        elif isinstance(event, AuditObserved):
            self.observations[cell] = CODES[event.verdict]
        else:
            self.observations[cell] = CODES["kept"]

    def lapse(self, shape: tuple[int, int, int]) -> npt.NDArray[Any]:
        """Return the array ``EvidenceTable.lapsed``."""
        lapsed = np.zeros(shape, np.int16 if shape[2] < _MOST_SHORT_DAYS else np.int32)
        flat = lapsed.reshape(-1)
        for cell, (_, given, end) in self.ends.items():
            if end < shape[2]:
                place = cell + max(end - given, 0)
                flat[place] = max(flat[place], given + 1)
        return lapsed


@dataclass(frozen=True, slots=True)
class SiteVisit:
    """A daily check (of a ``day``) or an inspection (``at`` an instant).

    ``by`` recorded the check, or is the authority that visited. Of the measures that apply,
    ``looked`` were looked at and ``kept`` were kept; ``not_kept`` has the verdict of the others,
    partly or not_kept, by measure. ``recorded_late`` is when it was recorded, where that is late,
    else None. ``photos`` are SHA-256. ``symptomatic`` were sent home with
    symptoms; None where that is not for the reader.
    """

    by: str
    looked: int
    kept: int
    not_kept: Mapping[str, str]
    note: str
    day: date | None = None
    at: datetime | None = None
    unannounced: bool = False
    photos: tuple[str, ...] = ()
    symptomatic: int | None = None
    recorded_late: datetime | None = None


def list_site_checks(
    situation: Situation, operator: Operator, site: str, most: int, *, health: bool
) -> Iterator[SiteVisit]:
    """Yield the last daily checks of a site, the newest first; ``health``: with their counts."""
    found = [check for (where, _day), check in situation.checks.items() if where == site]
    for row in sorted(found, key=lambda check: check.day, reverse=True)[:most]:
        seen = row.symptomatic if health else None
        yield _build_visit(row, operator, by=row.actor, day=row.day, symptomatic=seen)


def list_site_inspections(situation: Situation, operator: Operator, site: str, most: int) -> Iterator[SiteVisit]:
    """Yield the last inspections of a site, the newest first."""
    found = [visit for visit in situation.inspections if visit.site == site]
    for row in reversed(found[-most:]):
        yield _build_visit(
            row, operator, by=row.authority, at=row.happened_at, unannounced=row.unannounced, photos=row.photos
        )


def find_photo_sites(situation: Situation, digest: str) -> frozenset[str]:
    """Return the sites whose inspections or audits name a photo by its SHA-256."""
    rows: list[InspectionHeld | AuditObserved] = list(situation.inspections)
    for audit in situation.charter_audits.values():
        rows += audit.observations
    return frozenset(row.site for row in rows if digest in row.photos)


def _build_visit(row: CheckDone | InspectionHeld, operator: Operator, **own: Any) -> SiteVisit:
    looked = {found.measure: found.verdict for found in row.findings if found.verdict != "not_applicable"}
    wanting = {measure: verdict for measure, verdict in looked.items() if verdict != "kept"}
    kept = len(looked) - len(wanting)
    late = find_late_record(row, operator)
    return SiteVisit(looked=len(looked), kept=kept, not_kept=wanting, note=row.note, recorded_late=late, **own)
