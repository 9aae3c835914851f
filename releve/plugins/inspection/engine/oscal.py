"""The charter for other tools and on paper: OSCAL (NIST, 1.1.3), CISO Assistant, sheets of audits.

OSCAL: a catalogue of the measures, a plan of assessment, its results on a day (one finding for each
measure of each site), and a plan of action from the findings of audits. OSCAL knows satisfied and
not-satisfied; the standing itself is a property. Ids are UUIDv5 of names, the same in each export.
CISO Assistant: a library with a framework of chapters and measures, in French with the English as
its translation, as a plain object to be written as YAML.

The sheet of an audit is CSV: printed or filled in offline, and read back as observations. One row
for each measure of each site of the sample; a row without a verdict was not examined. Verdicts and
methods are read in English or French, times in the time zone of the site.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from releve.errors import Phrase, ReleveError
from releve.network import UTC, Operator, zone
from releve.situation.audits import AuditFinding, CharterAudit
from releve.situation.charter import Charter
from releve.situation.events_audit import AuditObserved
from releve.situation.refusal import EventRefusal
from releve.situation.standings import STANDINGS, StandingGrid

VERSION = "1.1.3"
NAMESPACE = uuid.UUID("0d5f6b0e-5f0a-5a3c-9a37-6a1d6f4f2c11")
PROPERTIES = "https://releve.invalid/oscal"
Document = dict[str, Any]


def build_catalog(charter: Charter, at: datetime) -> Document:
    """Return the charter as a catalogue: a group for each axis, a control for each measure."""
    groups = [
        {
            "id": axis.id,
            "title": axis.title,
            "controls": [
                {
                    "id": measure.id,
                    "title": measure.id.replace("_", " ").capitalize(),
                    "props": [_write_property("severity", measure.severity)],
                    "parts": [{"id": f"{measure.id}_smt", "name": "statement", "prose": measure.text}],
                }
                for measure in charter.measures
                if measure.axis == axis.id
            ],
        }
        for axis in charter.axes
    ]
    catalog = _begin(charter, "catalog", "Charter", at) | {"groups": groups}
    return {"catalog": catalog}


def build_assessment_plan(charter: Charter, at: datetime) -> Document:
    """Return a plan to assess every measure; the system that OSCAL asks for is the charter."""
    plan = _begin(charter, "plan", "Assessment of the charter", at) | {
        "reviewed-controls": _review(charter),
        **_name_system(charter),
    }
    return {"assessment-plan": plan}


def build_assessment_results(charter: Charter, grid: StandingGrid, day: date, at: datetime) -> Document:
    """Return the standing of every site on a day as results of the plan."""
    places = {site: _make_id(charter, "site", site) for site in grid.sites}
    found = [
        (site, measure.id, value)
        for site in grid.sites
        for measure in charter.measures
        if (value := grid.get(site, measure.id, day)) is not None
    ]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    result = {
        "uuid": _make_id(charter, "result", day.isoformat()),
        "title": f"Standing on {day}",
        "description": "Computed from checks, visits and verdicts on record.",
        "start": _format(start),
        "reviewed-controls": _review(charter),
        "observations": [
            {
                "uuid": _make_id(charter, "observation", day.isoformat(), site, measure),
                "description": f"{measure} at {site}: {value}",
                "methods": ["EXAMINE"],
                "subjects": [{"subject-uuid": places[site], "type": "location"}],
                "collected": _format(start),
            }
            for site, measure, value in found
        ],
        "findings": [_write_finding(charter, day, *row) for row in found],
    }
    results = _begin(charter, "results", "Standing of the charter", at, day.isoformat())
    results["metadata"]["locations"] = [{"uuid": place, "title": site} for site, place in places.items()]
    plan = _make_id(charter, "plan")
    results |= {
        "import-ap": {"href": f"#{plan}"},
        "results": [result],
        "back-matter": {"resources": [{"uuid": plan, "title": "Plan", "rlinks": [{"href": "plan.json"}]}]},
    }
    return {"assessment-results": results}


def build_plan_of_action(charter: Charter, findings: Iterable[AuditFinding], at: datetime) -> Document | None:
    """Return the findings of audits as a plan of action and milestones; None without a finding.

    Each is a risk with its deadline; its answers are the remediations, its observation what the
    auditor saw. OSCAL allows no plan without an item.
    """
    rows = list(findings)
    if not rows:
        return None
    sites = dict.fromkeys(found.raised.site for found in rows)
    plan = _begin(charter, "poam", "Findings of audits", at)
    plan["metadata"]["locations"] = [{"uuid": _make_id(charter, "site", site), "title": site} for site in sites]
    plan |= {
        "observations": [_write_audit_observation(charter, found) for found in rows],
        "risks": [_write_risk(charter, found) for found in rows],
        "poam-items": [
            {
                "uuid": _name_finding(charter, found, "item"),
                "title": f"{found.raised.measure} at {found.raised.site}",
                "description": found.raised.note,
                "props": [_write_property("severity", found.raised.severity), _write_property("state", found.state)],
                "related-observations": [{"observation-uuid": _name_finding(charter, found, "seen")}],
                "related-risks": [{"risk-uuid": _name_finding(charter, found, "risk")}],
            }
            for found in rows
        ],
        **_name_system(charter),
    }
    return {"plan-of-action-and-milestones": plan}


def _write_audit_observation(charter: Charter, found: AuditFinding) -> Document:
    raised = found.raised
    return {
        "uuid": _name_finding(charter, found, "seen"),
        "description": raised.note,
        "methods": ["EXAMINE"],
        "subjects": [{"subject-uuid": _make_id(charter, "site", raised.site), "type": "location"}],
        "collected": _format(raised.happened_at),
    }


def _write_risk(charter: Charter, found: AuditFinding) -> Document:
    """Return a finding as a risk: open, remediating once answered, closed when verified."""
    raised = found.raised
    status = {"closed": "closed", "answered": "remediating"}.get(found.state, "open")
    remediations = [
        {
            "uuid": _name_finding(charter, found, "answer", answer.id),
            "lifecycle": "completed" if found.state == "closed" else "planned",
            "title": f"Answer of {answer.happened_at:%Y-%m-%d}",
            "description": answer.action,
            "props": [_write_property("owner", answer.owner)],
            "remarks": answer.cause,
        }
        for answer in found.answers
    ]
    risk = {
        "uuid": _name_finding(charter, found, "risk"),
        "title": f"{raised.measure} at {raised.site}",
        "description": raised.note,
        "statement": charter.measure[raised.measure].text if raised.measure in charter.measure else raised.measure,
        "status": status,
        "deadline": _format(datetime(raised.due.year, raised.due.month, raised.due.day, 23, 59, tzinfo=UTC)),
    }
    return risk | ({"remediations": remediations} if remediations else {})


def _name_finding(charter: Charter, found: AuditFinding, *names: str) -> str:
    return _make_id(charter, "audit", found.raised.audit, found.raised.finding, *names)


def _name_system(charter: Charter) -> Document:
    """Return what stands for the system that OSCAL asks for: the charter itself."""
    system = _make_id(charter, "system")
    resource = {"uuid": system, "title": "Charter", "description": charter.source}
    return {"import-ssp": {"href": f"#{system}"}, "back-matter": {"resources": [resource]}}


def _write_finding(charter: Charter, day: date, site: str, measure: str, value: str) -> Document:
    satisfied = value == STANDINGS[-1]
    status = {"state": "satisfied" if satisfied else "not-satisfied"}
    reason = {} if satisfied else {"reason": "fail" if value == "not_kept" else "other"}
    observation = _make_id(charter, "observation", day.isoformat(), site, measure)
    return {
        "uuid": _make_id(charter, "finding", day.isoformat(), site, measure),
        "title": f"{measure} at {site}",
        "description": value,
        "props": [_write_property("standing", value)],
        "target": {"type": "statement-id", "target-id": f"{measure}_smt", "status": status | reason},
        "related-observations": [{"observation-uuid": observation}],
    }


def _begin(charter: Charter, kind: str, title: str, at: datetime, *names: str) -> Document:
    return {
        "uuid": _make_id(charter, kind, *names),
        "metadata": {
            "title": f"{title} {charter.id}",
            "last-modified": _format(at),
            "version": charter.version,
            "oscal-version": VERSION,
        },
    }


def _review(charter: Charter) -> Document:
    named = [{"control-id": measure.id} for measure in charter.measures]
    return {"control-selections": [{"include-controls": named}]}


def _write_property(name: str, value: str) -> Document:
    return {"name": name, "ns": PROPERTIES, "value": value}


def _make_id(charter: Charter, *names: str) -> str:
    parts: Iterable[str] = (charter.id, charter.version, charter.valid_from.isoformat(), *names)
    return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))


def _format(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_PREFIX = "urn:releve:risk"


def build_ciso_library(charter: Charter) -> Document:
    """Return the library of a version of the charter: a chapter for each axis, then its measures.

    A library has a whole number for its version: the day in force, as YYYYMMDD.
    """
    name = f"charter-{charter.id}".lower()
    names = {"ref_id": name, "name": f"Charte {charter.id}, version {charter.version}"}
    english = {"en": {"name": f"Charter {charter.id}, version {charter.version}"}}
    return {
        "urn": f"{_PREFIX}:library:{name}",
        "locale": "fr",
        **names,
        "description": charter.source,
        "version": int(f"{charter.valid_from:%Y%m%d}"),
        "provider": "Releve",
        "packager": "Releve",
        "translations": english,
        "objects": {
            "framework": {
                "urn": f"{_PREFIX}:framework:{name}",
                **names,
                "description": charter.source,
                "translations": english,
                "implementation_groups_definition": [
                    {"ref_id": "major", "name": "majeure", "translations": _name_in("major")},
                    {"ref_id": "minor", "name": "mineure", "translations": _name_in("minor")},
                ],
                "requirement_nodes": _list_nodes(charter, f"{_PREFIX}:req_node:{name}"),
            }
        },
    }


def _list_nodes(charter: Charter, urn: str) -> list[Document]:
    nodes: list[Document] = []
    for axis in charter.axes:
        nodes.append({
            "urn": f"{urn}:{axis.id}",
            "assessable": False,
            "depth": 1,
            "ref_id": axis.id,
            "name": axis.title_fr,
            "translations": _name_in(axis.title),
        })  # fmt: skip
        nodes += [
            {
                "urn": f"{urn}:{axis.id}:{measure.id}",
                "assessable": True,
                "depth": 2,
                "parent_urn": f"{urn}:{axis.id}",
                "ref_id": measure.id,
                "description": measure.text_fr,
                "implementation_groups": [measure.severity],
                "translations": {"en": {"description": measure.text}},
            }
            for measure in charter.measures
            if measure.axis == axis.id
        ]
    return nodes


def _name_in(english: str) -> Document:
    return {"en": {"name": english}}


SHEET_COLUMNS = ("audit", "site", "measure", "text", "verdict", "method", "seen_at", "note")
VERDICT_WORDS: Mapping[str, str] = {
    "kept": "kept", "respectée": "kept",
    "partly": "partly", "en partie": "partly",
    "not_kept": "not_kept", "not kept": "not_kept", "non respectée": "not_kept",
    "not_applicable": "not_applicable", "not applicable": "not_applicable",
    "sans objet": "not_applicable",
}  # fmt: skip
METHOD_WORDS: Mapping[str, str] = {
    "examine": "examine", "examen": "examine",
    "interview": "interview", "entretien": "interview",
    "test": "test", "essai": "test",
}  # fmt: skip
NOT_YOURS = Phrase("your role does not cover this site")
_TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M")
_NAMESPACE = uuid.UUID("3c0f3a1e-8a07-5f5e-9c1d-0b6a2b7a6f10")


@dataclass(frozen=True, slots=True)
class SheetFault:
    """One fault of a sheet: its line (the head is line 1), column and what to correct."""

    line: int
    column: str
    reason: str | EventRefusal

    def __str__(self) -> str:
        reason = self.reason
        said = reason.sentence() if isinstance(reason, EventRefusal) else reason
        return f"line {self.line}, {self.column}: {said}"


class AuditSheetFaults(ReleveError):  # noqa: N818 (the word of the desk)
    """A sheet that cannot be read: every fault at once; nothing of it is recorded."""

    def __init__(self, faults: Sequence[SheetFault]) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


def write_sheet(audit: CharterAudit, charter: Charter, sites: Sequence[str], *, french: bool) -> str:
    """Return the empty sheet as CSV with semicolons, for ``sites`` of the sample."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    rows.writerow(SHEET_COLUMNS)
    for site in sites:
        for measure in charter.measures:
            words = measure.text_fr if french else measure.text
            rows.writerow([audit.opened.audit, site, measure.id, words, "", "", "", ""])
    return text.getvalue()


def read_sheet(
    content: bytes, audit: CharterAudit, operator: Operator, now: datetime, actor: str
) -> tuple[tuple[int, AuditObserved], ...]:
    """Return the observations of a sheet, each with its line; AuditSheetFaults names every fault.

    The id of an observation follows from what it says, so that a sheet read twice gives the same.
    """
    text = _decode(content)
    semicolons = text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",")
    rows = csv.reader(io.StringIO(text), delimiter=";" if semicolons else ",")
    head = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in SHEET_COLUMNS if name not in {*head, "text"}]
    if missing:
        reason = Phrase("the column is missing; download the sheet again and fill that one in")
        raise AuditSheetFaults([SheetFault(1, name, reason) for name in missing])
    faults: list[SheetFault] = []
    found: list[tuple[int, AuditObserved]] = []
    for line, cells in enumerate(rows, 2):
        row = {name: cell.strip() for name, cell in zip(head, cells, strict=False)}
        if row.get("verdict"):
            wrong = list(_find_faults(row, line, audit, operator))
            faults += wrong
            found += [] if wrong else [(line, _read_row(row, operator, now, actor))]
    if faults:
        raise AuditSheetFaults(faults)
    return tuple(found)


def _decode(content: bytes) -> str:
    """Return the text of a file: UTF-8, or as a French spreadsheet saves it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _find_faults(row: Mapping[str, str], line: int, audit: CharterAudit, operator: Operator) -> Iterator[SheetFault]:
    """Yield what is wrong in a row of itself; whether it is accepted the events' own rules say."""
    if row["audit"] != audit.opened.audit:
        reason = Phrase("is of the audit “{0}”; import it there", row["audit"])
        yield SheetFault(line, "audit", reason)
    if row["site"] not in operator.site or row["site"] not in audit.opened.sites:
        yield SheetFault(line, "site", Phrase("“{0}” is not in the sample", row["site"]))
    if row["verdict"].lower() not in VERDICT_WORDS:
        words = ", ".join(VERDICT_WORDS)
        reason = Phrase("“{0}” is not a verdict; write one of: {1}", row["verdict"], words)
        yield SheetFault(line, "verdict", reason)
    if row["method"].lower() not in METHOD_WORDS:
        reason = Phrase("“{0}” is not a method; write one of: {1}", row["method"], ", ".join(METHOD_WORDS))
        yield SheetFault(line, "method", reason)
    if _read_time(row["seen_at"]) is None:
        reason = Phrase("“{0}” is not a time; write it as 2026-12-01 10:30", row["seen_at"])
        yield SheetFault(line, "seen_at", reason)


def _read_row(row: Mapping[str, str], operator: Operator, now: datetime, actor: str) -> AuditObserved:
    local = _read_time(row["seen_at"])
    assert local is not None
    seen_at = local.replace(tzinfo=zone(operator.site[row["site"]].time_zone))
    said = (row["audit"], row["site"], row["measure"], row["verdict"].lower(),
            row["method"].lower(), seen_at.isoformat(), row["note"])  # fmt: skip
    return AuditObserved(
        id=uuid.uuid5(_NAMESPACE, "\n".join(said)).hex,
        happened_at=now,
        recorded_at=now,
        actor=actor,
        audit=row["audit"],
        site=row["site"],
        measure=row["measure"],
        method=METHOD_WORDS[row["method"].lower()],
        seen_at=seen_at,
        verdict=VERDICT_WORDS[row["verdict"].lower()],
        note=row["note"],
    )


def _read_time(text: str) -> datetime | None:
    for pattern in _TIMES:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 (on the clocks of the site)
        except ValueError:
            continue
    return None
