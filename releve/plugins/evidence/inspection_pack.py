"""The inspector's pack of one site: permits, daily checks, measures, visits, tests, closures and their story.

Cases are a count, hidden below five; counts of tests and of people sent home are shown with the
entries that commit to them. No person is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from releve.errors import NumberPhrase, Phrase
from releve.ledger.digests import parse_canonical
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.network.moments import zone
from releve.plugins.evidence.incident_pack import draft_closure_story
from releve.plugins.evidence.language import DayPhrase, Wording
from releve.plugins.evidence.paper import (
    CLOSURE_KINDS,
    OUTAGE_KINDS,
    describe_happenings,
    find_closures,
    name_measure,
    state_closures,
)
from releve.plugins.evidence.records import EvidenceRecord, PackRefused, Statement, load_records
from releve.plugins.evidence.sources import PackDraft, PackSource, PaperTable, Selection
from releve.situation import CaseDeclared

SMALL_COUNT = 5
"""Counts of cases below this are hidden."""
_PERMIT_KINDS = ("authorisation.granted", "authorisation.withdrawn")
_CONTROL_KINDS = ("check.done", "inspection.held", "tests.done", "audit.verdict", "draw.not_visited")


def draft_inspection_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into an inspector's pack of a site."""
    site = source.request.recipient
    if site not in source.sites:
        raise PackRefused(
            Phrase(
                "no version of the reference data up to the root has a site {0}: choose one of {1}",
                site,
                ", ".join(sorted(source.sites)),
            )
        )

    def is_kept(one: EvidenceRecord) -> bool:
        drawn = site in one.body.get("visits", ())
        return (one.site == site or drawn or one.kind == _PERMIT_KINDS[1]) and one.at < source.end

    kinds = (*CLOSURE_KINDS, *OUTAGE_KINDS, *_PERMIT_KINDS, *_CONTROL_KINDS, "draw.drawn")
    loaded = load_records(kinds, source.root, is_kept, disclose_health=True)
    own = {one.body["authorisation"] for one in loaded if one.kind == _PERMIT_KINDS[0]}
    found = [one for one in loaded if one.kind != _PERMIT_KINDS[1] or one.body["authorisation"] in own]
    closures = [span for span in find_closures(found) if span.overlaps(source)]
    permits = _find_permits(source, found)
    lasting = {one.seq for span in closures for one in (span.closed, span.reopened) if one}
    lasting |= {one.seq for one in permits}
    kept = tuple(one for one in found if source.holds(one.at) or one.seq in lasting or one.kind == "event.corrected")
    gone = {one.body.get("corrects") for one in kept if one.kind == "event.corrected" and one.body.get("because")}
    lifted = [one for one in kept if one.kind == "site.closed" and one.id in gone and source.holds(one.at)]
    begun = [span for span in closures if source.holds(span.closed.at)]
    story = draft_closure_story(source, site, begun, lifted, wording) or PackDraft("", (), ())
    known = {one.seq for one in kept}
    more = (one for one in story.records if one.seq not in known)
    return PackDraft(
        recipient=source.name_site(site),
        records=tuple(sorted((*kept, *more), key=lambda one: one.seq)),
        statements=(
            Statement(
                "permits",
                "count",
                Phrase("Authorisations of the site valid on the last day"),
                of=tuple(one.seq for one in permits),
            ),
            *_state_controls(source),
            *state_closures(source, closures),
            _state_cases(source),
            *_state_measures(kept, source),
            *story.statements,
        ),
        documents=story.documents,
        passages=story.passages,
        tables=(*story.tables, _list_permits(permits, wording), describe_happenings(source, kept, wording)),
        selections=(Selection((*CLOSURE_KINDS, *OUTAGE_KINDS, *_CONTROL_KINDS), sites=(site,)),),
    )


def _find_permits(source: PackSource, records: Sequence[EvidenceRecord]) -> list[EvidenceRecord]:
    """Return the authorisations of the site that hold on the last day of the period.

    Of each, the last entry counts: a grant, or its withdrawal.
    """
    gone = {one.body.get("corrects") for one in records if one.kind == "event.corrected"}
    newest = {
        one.body["authorisation"]: one
        for one in sorted(records, key=lambda row: (row.at, row.seq))
        if one.kind in _PERMIT_KINDS and one.id not in gone
    }
    last = source.request.last.isoformat()
    return [
        one
        for one in newest.values()
        if one.kind == _PERMIT_KINDS[0] and one.body["valid_from"] <= last <= one.body["valid_to"]
    ]


def _state_controls(source: PackSource) -> Iterator[Statement]:
    request = source.request
    days = (request.last - request.first).days + 1
    check, tests = ("check.done",), ("tests.done",)
    yield Statement(
        "check-days",
        "distinct",
        Phrase("Days with a daily check, of {0} days", NumberPhrase(days)),
        kinds=check,
        path="day",
    )
    yield Statement(
        "symptomatic",
        "sum",
        Phrase("People sent home with symptoms at the daily checks"),
        kinds=check,
        path="symptomatic",
    )
    yield Statement(
        "fullest-shuttle",
        "max",
        Phrase("Fullest shuttle seen at a daily check, share of its seats"),
        unit="share",
        kinds=check,
        path="transport_fill",
    )
    yield Statement("visits", "count", Phrase("Visits of a brigade"), kinds=("inspection.held",))
    yield Statement("drawn", "count", Phrase("Days on which the site was drawn for a visit"), kinds=("draw.drawn",))
    yield Statement("missed", "count", Phrase("Visits that were drawn and not made"), kinds=("draw.not_visited",))
    yield Statement("tested", "sum", Phrase("Tests done"), kinds=tests, path="tested")
    yield Statement("positive", "sum", Phrase("Of these positive, as far as known"), kinds=tests, path="positive")


def _state_cases(source: PackSource) -> Statement:
    count = _count_cases(source)
    few = 0 < count < SMALL_COUNT
    return Statement(
        "cases",
        "stated",
        Phrase("Cases declared in the period (counts below {0} are hidden)", SMALL_COUNT),
        value=f"1–{SMALL_COUNT - 1}" if few else count,
    )


def _count_cases(source: PackSource) -> int:
    """Return how many cases of the site were declared; their entries go into no pack."""
    rows = LedgerEntry.objects.filter(kind=CaseDeclared.kind, stream="live", seq__lte=source.root.size)
    bodies = {row.seq: parse_canonical(row.body) for row in rows.iterator()}
    corrections = LedgerEntry.objects.filter(kind="event.corrected", seq__lte=source.root.size)
    gone = {parse_canonical(row.body).get("corrects") for row in corrections}
    mine = [
        seq
        for seq, body in bodies.items()
        if body.get("site") == source.request.recipient
        and body.get("id") not in gone
        and source.holds(datetime.fromisoformat(body["happened_at"]))
    ]
    status = PersonalValue.objects.filter(entry__in=mine, path="status")
    return sum(parse_canonical(value) == "declared_case" for value in status.values_list("value", flat=True))


def _state_measures(records: Sequence[EvidenceRecord], source: PackSource) -> Iterator[Statement]:
    """Yield the last finding of each measure at a daily check or a visit of the period."""
    gone = {one.body.get("corrects") for one in records if one.kind == "event.corrected"}
    last: dict[str, tuple[EvidenceRecord, int]] = {}
    for one in sorted(records, key=lambda row: (row.at, row.seq)):
        if one.kind in ("check.done", "inspection.held") and one.id not in gone:
            for place, finding in enumerate(one.body["findings"] if source.holds(one.at) else ()):
                last[finding["measure"]] = (one, place)
    for measure, (one, place) in sorted(last.items()):
        day = one.at.astimezone(zone(source.operator.row.time_zone)).date()
        yield Statement(
            f"measure-{measure}",
            "last",
            Phrase("Last found on {0}: {1}", DayPhrase(day), name_measure(measure, day)),
            path=f"findings.{place}.verdict",
            of=(one.seq,),
        )


def _list_permits(permits: Sequence[EvidenceRecord], wording: Wording) -> PaperTable:
    rows = tuple(
        (
            str(one.body["authorisation"]),
            str(one.body.get("authority", "")),
            wording.day(date.fromisoformat(one.body["valid_from"])),
            wording.day(date.fromisoformat(one.body["valid_to"])),
            str(one.seq),
        )
        for one in permits
    )
    return PaperTable(
        Phrase("Authorisations"),
        (Phrase("Authorisation"), Phrase("Granted by"), Phrase("First day"), Phrase("Last day"), Phrase("Entry")),
        rows,
        Phrase("No authorisation of the site is valid on the last day."),
        wide=1,
    )
