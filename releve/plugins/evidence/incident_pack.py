"""The pack of one incident: its story, from the first loss to the review, and that of a closure for an inspector.

Of a drill's incident the pack says on its first page, and the verifier before all else, that it is a drill.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from releve.errors import Phrase
from releve.ledger.digests import parse_canonical
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.network.cell_text import isolate_name
from releve.network.moments import zone
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.narrative import Narrator
from releve.plugins.evidence.paper import CLOSURE_KINDS, OUTAGE_KINDS, ClosureSpan, find_closures, state_closures
from releve.plugins.evidence.records import EvidenceRecord, PackRefused
from releve.plugins.evidence.sources import NO_SITE, PackDraft, PackSource, Selection
from releve.plugins.evidence.story import (
    CALLS,
    COVERAGE,
    COVERED,
    ROOM_KINDS,
    STORY,
    Story,
    StoryScope,
    describe_calls,
    load_story,
    state_calls,
    state_story,
)


@dataclass(frozen=True)
class KnownIncident:
    """An incident as the ledger has it: its stream, title, sites, and when it began and ended.

    ``start`` is when what it is about was recorded, ``end`` its last entry; None: it goes on. ``happened_at`` is
    when what it is about happened.
    """

    id: str
    stream: str
    title: str
    sites: tuple[str, ...]
    happened_at: datetime
    start: datetime
    end: datetime | None
    last: datetime
    last_entry: int
    """The number of its last entry; of one that goes on, of the last of its stream."""

    @property
    def is_drill(self) -> bool:
        return self.stream != live.LIVE

    def list_days(self) -> tuple[date, date]:
        """Return the days of the operator from what happened to the end, or to today."""
        there = zone(live.operator_now().row.time_zone)
        end = self.last if self.end is not None else live.now(self.stream)
        return self.happened_at.astimezone(there).date(), end.astimezone(there).date()


def list_incidents() -> list[KnownIncident]:
    """Return every incident of the ledger, live and of drills, the newest first."""
    rows = LedgerEntry.objects.filter(kind="incident.opened").order_by("-seq")
    return [_read_incident(row) for row in rows]


def find_incident(incident: str, most: int | None = None) -> KnownIncident | None:
    """Return an incident by its id, of the entries up to a number; None: there is none."""
    rows = LedgerEntry.objects.filter(kind="incident.opened").order_by("seq")
    found = (row for row in rows if parse_canonical(row.body)["id"] == incident)
    row = next(found, None)
    return None if row is None or (most is not None and row.seq > most) else _read_incident(row, most)


def _read_incident(opened: LedgerEntry, most: int | None = None) -> KnownIncident:
    body = parse_canonical(opened.body)
    rows = LedgerEntry.objects.filter(stream=opened.stream)
    rows = rows if most is None else rows.filter(seq__lte=most)
    own = [(row, parse_canonical(row.body)) for row in rows.filter(kind__in=ROOM_KINDS, seq__gt=opened.seq)]
    own = [(row, said) for row, said in own if said.get("incident") == body["id"]]
    closures = rows.filter(kind="site.closed", seq__lt=opened.seq).order_by("-seq") if body["closure"] else ()
    closed = ((row, parse_canonical(row.body)) for row in closures)
    outage = None if body["closure"] else live.find_opening_outage(opened.stream, body["id"])
    loss = (opened, body) if outage is None else (outage, parse_canonical(outage.body))
    first, what = next(((row, said) for row, said in closed if said["id"] == body["closure"]), loss)
    places = (said["place"] for row, said in own if row.kind == "incident.place_added")
    ended = next((row.recorded_at for row, _said in own if row.kind == "incident.closed"), None)
    return KnownIncident(
        id=body["id"],
        stream=opened.stream,
        title=body["title"],
        sites=tuple(dict.fromkeys((body["site"], *places))) if body["site"] else (),
        happened_at=datetime.fromisoformat(what["happened_at"]),
        start=datetime.fromisoformat(first.recorded_at),
        end=None if ended is None else datetime.fromisoformat(ended),
        last=datetime.fromisoformat(max((row.recorded_at for row, _said in own), default=opened.recorded_at)),
        last_entry=max(row.seq for row, _said in own) if ended else max(rows.values_list("seq", flat=True)),
    )


def draft_incident_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into the pack of an incident."""
    found = find_incident(source.request.recipient, source.root.size)
    if found is None:
        raise PackRefused(
            Phrase("no incident {0} is under the root: seal what is recorded first", source.request.recipient)
        )
    story = load_story(source, StoryScope(found.stream, found.sites, found.start, found.end, (found.id,)))
    closures = find_closures(story.records)
    draft = _draft_story(story, closures, wording)
    selections = (
        Selection((*CLOSURE_KINDS, *OUTAGE_KINDS), sites=(*found.sites, NO_SITE) if found.sites else None),
        Selection((COVERED,)),
    )
    return PackDraft(
        recipient=isolate_name(found.title),
        records=story.records,
        statements=(*draft.statements, *state_closures(source, closures)),
        documents=draft.documents,
        tables=draft.tables,
        selections=selections if found.stream == live.LIVE else (),
        passages=draft.passages,
    )


def draft_closure_story(
    source: PackSource, site: str, closures: Sequence[ClosureSpan], lifted: Sequence[EvidenceRecord], wording: Wording
) -> PackDraft | None:
    """Return the story of the closures of a site in a period, for an inspector; None: there was none.

    The rooms of these closures tell who led and what was decided; clients, notes and reviews are left out.
    """
    orders = [*(span.closed for span in closures), *lifted]
    if not orders:
        return None
    start = min(datetime.fromisoformat(one.row.recorded_at) for one in orders)
    ids = {one.id for one in orders}
    rooms = LedgerEntry.objects.filter(stream=live.LIVE, kind="incident.opened", seq__lte=source.root.size)
    opened = (parse_canonical(row.body) for row in rooms.order_by("seq"))
    own = tuple(body["id"] for body in opened if body["closure"] in ids)
    story = load_story(source, StoryScope(live.LIVE, (site,), start, rooms=own, whole=False))
    return _draft_story(story, closures, wording)


def _draft_story(story: Story, closures: Sequence[ClosureSpan], wording: Wording) -> PackDraft:
    calls = describe_calls(story)
    narrator = Narrator(story, calls, wording)
    documents = {STORY: narrator.build_rows(), COVERAGE: story.coverage, CALLS: calls}
    return PackDraft(
        recipient="",
        records=story.records,
        statements=(*state_story(story), *state_calls(calls)),
        documents={name: json.loads(json.dumps(rows)) for name, rows in documents.items() if rows},
        tables=narrator.tabulate(),
        passages=narrator.tell_passages(),
    )
