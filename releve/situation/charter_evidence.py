"""What was found of each measure, day by day: checks, visits and audits as one table.

Evidence counts for the day on which it was seen, however late it was recorded. ``known_at`` gives
the table as it was at an earlier moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from releve.network import Operator
from releve.situation.charter import SOURCES
from releve.situation.event import Event
from releve.situation.events_audit import AuditObserved, FindingVerified
from releve.situation.events_control import AuditVerdict, CheckDone, InspectionHeld
from releve.situation.refusal import to_local_day

if TYPE_CHECKING:
    from releve.situation.situation import Situation

__all__ = [
    "CODES",
    "LAPSED",
    "EvidenceEvent",
    "EvidenceTable",
    "build_evidence_table",
    "list_evidence",
    "read_findings",
]

CODES: Mapping[str, int] = {
    "not_applicable": 1, "kept": 2, "met": 2, "partly": 3, "not_kept": 4, "not_met": 4,
}  # fmt: skip
"""What was found as a number; 0 = nothing. Of two on one day the larger one counts; of an audit's
observations, the last."""
LAPSED = 5
"""On the day after the last one of an auditor's verdict."""
_CODE_SPACE = 8
_FAMILIES = ("checks", "inspections", "audits", "charter_audits")
EvidenceEvent = CheckDone | InspectionHeld | AuditVerdict | AuditObserved | FindingVerified


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    """``codes[source][site, measure, day]``, int8; day 0 is ``first_day``."""

    sites: tuple[str, ...]
    measures: tuple[str, ...]
    first_day: date
    days: int
    codes: Mapping[str, npt.NDArray[np.int8]]


def list_evidence(
    situation: Situation, known_at: datetime | None = None, site: str = ""
) -> Iterator[EvidenceEvent]:
    """Yield the events that count as evidence, as known now or at an earlier moment.

    Of the checks of a day the last one counts; every visit, verdict and observation does, and a
    finding verified as effective: what was wrong is seen kept. ``site`` leaves out other sites.
    """
    gone = {
        event.corrects
        for event in situation.corrections
        if known_at is None or event.recorded_at <= known_at
    }
    for family in _FAMILIES:
        for subject, topic in situation.families.get(family, {}).items():
            if site and family != "charter_audits" and subject[0] not in (site, ""):
                continue
            found = [
                event for event in topic.events
                if event.id not in gone and (known_at is None or event.recorded_at <= known_at)
            ]  # fmt: skip
            for event in found[-1:] if family == "checks" else found:
                if isinstance(event, EvidenceEvent) and getattr(event, "effective", True):
                    yield event


def build_evidence_table(
    evidence: Collection[Event],
    operator: Operator,
    measures: Sequence[str],
    first_day: date,
    days: int,
    *,
    until: date | None = None,
    sites: Sequence[str] | None = None,
) -> EvidenceTable:
    """Return the table of some days; what was seen after ``until`` is left out."""
    named = tuple(site.id for site in operator.sites) if sites is None else tuple(sites)
    site_at = {site: i for i, site in enumerate(named)}
    step = {measure: i * days * _CODE_SPACE for i, measure in enumerate(measures)}
    last = min(days - 1, (until - first_day).days) if until is not None else days - 1
    cells: dict[str, list[int]] = {source: [] for source in SOURCES}
    observed: dict[int, int] = {}
    for event in evidence:
        day, found = read_findings(event, operator)
        at = (day - first_day).days
        if not 0 <= at <= last:
            continue
        site, kept = getattr(event, "site", ""), cells.get(event.kind, [])
        for row in site_at.values() if not site else (site_at[site],) if site in site_at else ():
            start = (row * len(measures) * days + at) * _CODE_SPACE
            kept += [start + step[name] + code for name, code in found if name in step]
            if isinstance(event, AuditObserved | FindingVerified):
                observed |= {start + step[name]: code for name, code in found if name in step}
            if isinstance(event, AuditVerdict) and event.measure in step:
                lapsed = (event.valid_to - first_day).days + 1
                if at < lapsed < days:
                    start += (lapsed - at) * _CODE_SPACE + step[event.measure]
                    kept.append(start + LAPSED)
    cells[AuditObserved.kind] = [place + code for place, code in observed.items()]
    shape = (len(named), len(measures), days)
    codes = {source: _fill_codes(rows, shape) for source, rows in cells.items()}
    return EvidenceTable(named, tuple(measures), first_day, days, codes)


def _fill_codes(cells: list[int], shape: tuple[int, int, int]) -> npt.NDArray[np.int8]:
    """Return the codes of one source; a cell is place × 8 + code, the largest counts."""
    codes = np.zeros(shape, np.int8)
    place, code = np.divmod(np.sort(np.array(cells, np.int64)), _CODE_SPACE)
    codes.reshape(-1)[place] = code  # in rising order: the last of a place stays
    return codes


def read_findings(event: Any, operator: Operator) -> tuple[date, list[tuple[str, int]]]:
    """Return the day on which something was seen, and the code of each measure."""
    if isinstance(event, CheckDone):
        return event.day, [(one.measure, CODES[one.verdict]) for one in event.findings]
    if isinstance(event, AuditObserved):
        day = to_local_day(event.seen_at, event.site, operator)
        return day, [(event.measure, CODES[event.verdict])]
    day = to_local_day(event.happened_at, event.site, operator)
    if isinstance(event, FindingVerified):
        return day, [(event.measure, CODES["kept"])]
    if isinstance(event, AuditVerdict):
        return day, [(event.measure, CODES[event.verdict])]
    return day, [(one.measure, CODES[one.verdict]) for one in event.findings]
