"""Daily checks and inspections of a site as a list shows them, with their verdicts in counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from releve.network import Operator
from releve.situation.events_audit import AuditObserved
from releve.situation.events_control import CheckDone, InspectionHeld
from releve.situation.lateness import find_late_record
from releve.situation.situation import Situation

__all__ = ["SiteVisit", "find_photo_sites", "list_site_checks", "list_site_inspections"]


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


def list_site_inspections(
    situation: Situation, operator: Operator, site: str, most: int
) -> Iterator[SiteVisit]:
    """Yield the last inspections of a site, the newest first."""
    found = [visit for visit in situation.inspections if visit.site == site]
    for row in reversed(found[-most:]):
        yield _build_visit(
            row,
            operator,
            by=row.authority,
            at=row.happened_at,
            unannounced=row.unannounced,
            photos=row.photos,
        )


def find_photo_sites(situation: Situation, digest: str) -> frozenset[str]:
    """Return the sites whose inspections or audits name a photo by its SHA-256."""
    rows: list[InspectionHeld | AuditObserved] = list(situation.inspections)
    for audit in situation.charter_audits.values():
        rows += audit.observations
    return frozenset(row.site for row in rows if digest in row.photos)


def _build_visit(row: CheckDone | InspectionHeld, operator: Operator, **own: Any) -> SiteVisit:
    looked = {
        found.measure: found.verdict for found in row.findings if found.verdict != "not_applicable"
    }
    wanting = {measure: verdict for measure, verdict in looked.items() if verdict != "kept"}
    kept = len(looked) - len(wanting)
    late = find_late_record(row, operator)
    return SiteVisit(
        looked=len(looked), kept=kept, not_kept=wanting, note=row.note, recorded_late=late, **own
    )
