"""What a pack is made from: who it is for, its period, the root it stands under, the operator.

Completeness: the tallies that show that a pack leaves out no entry of its selections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from releve.errors import Phrase
from releve.ledger.digests import format_instant, parse_canonical
from releve.ledger.disclosure import disclose_values
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.roots import SignedRoot, load_last_root, load_root
from releve.ledger.seal import TALLY_KIND, name_count
from releve.live.api import LIVE
from releve.network import Operator, Site, day_bounds
from releve.network.cell_text import isolate_name
from releve.plugins.evidence.records import EvidenceRecord, PackRefused, Statement, load_records
from releve.registry.models import Version
from releve.registry.storage import load_operator

LANGUAGES = ("fr", "en")
_LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What is asked for: a kind of pack, for a recipient, from one day to another.

    ``recipient`` is a client's id, a site's, an incident's, a crash test's, or empty for the operator as a whole.
    ``root`` 0 is the last one.
    """

    kind: str
    recipient: str
    first: date
    last: date
    language: str = "fr"
    root: int = 0

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise PackRefused(Phrase("language must be fr or en, got {0}", self.language))
        if self.first > self.last:
            raise PackRefused(Phrase("the first day is after the last: {0} > {1}", self.first, self.last))
        if (self.last - self.first).days >= _LONGEST_DAYS:
            raise PackRefused(Phrase("a pack is over at most {0} days: choose fewer", _LONGEST_DAYS))

    @property
    def file_name(self) -> str:
        parts = ("releve", self.kind, self.recipient, str(self.first), str(self.last))
        return "-".join(part for part in parts if part) + ".pdf"


@dataclass(frozen=True)
class PackSource:
    """A request with the root and the version of the reference data that answer it.

    Both are fixed by the root, so that the same request gives the same pack on any later day.
    """

    request: PackRequest
    root: SignedRoot
    version: Version
    operator: Operator
    start: datetime
    end: datetime
    stream: str = LIVE
    """That of its entries: of an incident of a drill, the drill's."""

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def iter_versions(self) -> Iterator[tuple[Version, Operator]]:
        """Yield the reference data that were current in the period, one version after another."""
        rows = Version.objects.filter(number__lte=self.version.number).order_by("number")
        first = rows.filter(made_at__lte=self.start).last() or rows.first()
        assert first is not None, "the version itself is one of them"
        for row in rows.filter(number__gte=first.number):
            if row.number == first.number or row.made_at < self.end:
                yield row, load_operator(row)

    @property
    def until(self) -> datetime | None:
        """Up to when the pack tells: when its root was signed, on a last day that was not over; None: it was.

        A drill has a clock of its own, which no root goes by.
        """
        return self.root.sealed_at if self.stream == LIVE and self.root.sealed_at < self.end else None

    @cached_property
    def sites(self) -> dict[str, Site]:
        return {site.id: site for site in self.operator.sites}

    def name_site(self, site: str) -> str:
        """Return a site's name; its id where the reference data no longer has it."""
        found = self.sites.get(site)
        return f"{isolate_name(found.name)} ({site})" if found is not None else site

    @property
    def period(self) -> dict[str, str]:
        """The instants between which an entry counts, as packs write them."""
        return {"start": format_instant(self.start), "end": format_instant(self.end)}


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of the paper: a heading, the columns' names, the rows; cells are text.

    ``wide`` is the column that takes the width which the others leave; its cells may break.
    """

    heading: Phrase
    columns: tuple[Phrase, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: Phrase
    wide: int = 0


@dataclass(frozen=True, slots=True)
class FigureOf:
    """Stands in a sentence for the value of a statement, by its id."""

    id: str

    def __str__(self) -> str:
        return f"[{self.id}]"


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of what a pack tells in sentences, under a heading."""

    heading: Phrase
    sentences: tuple[Phrase, ...]
    """A parameter of one may be a :class:`FigureOf`."""


@dataclass(frozen=True, slots=True)
class PackDraft:
    """What a kind of pack puts in: entries, statements, documents by name, and further tables.

    ``selections`` say of which kinds it holds every entry of the period.
    """

    recipient: str
    """The recipient's name in words."""
    records: tuple[EvidenceRecord, ...]
    statements: tuple[Statement, ...]
    documents: dict[str, Any] = field(default_factory=dict)
    """Name -> value, attached as canonical JSON."""
    tables: tuple[PaperTable, ...] = ()
    selections: tuple[Selection, ...] = ()
    passages: tuple[Passage, ...] = ()
    """What it says in sentences, before all tables."""


def open_source(request: PackRequest) -> PackSource:
    """Return what answers a request; PackRefused where its last day began after the root."""
    root = load_root(request.root) if request.root else load_last_root()
    if root is None:
        raise PackRefused(Phrase("no root has been signed yet: seal what is recorded first"))
    version, operator = _find_operator(request, root.sealed_at)
    start = day_bounds(request.first, operator.row.time_zone)[0]
    begun, end = day_bounds(request.last, operator.row.time_zone)
    stream = _find_stream(request)
    if stream == LIVE and root.sealed_at < begun:
        raise PackRefused(
            Phrase(
                "root {0} was signed before {1} began: choose an earlier last day, or seal what is"
                " recorded since that day began",
                root.number,
                request.last,
            )
        )
    return PackSource(request, root, version, operator, start, end, stream)


def _find_stream(request: PackRequest) -> str:
    """Return the stream of the incident that a pack is of; else the live one."""
    if request.kind != "incident":
        return LIVE
    rows = LedgerEntry.objects.filter(kind="incident.opened").order_by("seq").values_list("stream", "body")
    return next((stream for stream, body in rows if parse_canonical(body)["id"] == request.recipient), LIVE)


def _find_operator(request: PackRequest, at: datetime) -> tuple[Version, Operator]:
    """Return the reference data that were current at an instant, or the first ever.

    For a client that left or a site that was given up, the last ones that knew it.
    """
    rows = Version.objects.order_by("-number")
    current = rows.filter(made_at__lte=at).first() or rows.last()
    if current is None:
        raise PackRefused(Phrase("the reference data hold no operator yet: import one first"))
    for version in rows.filter(number__lte=current.number):
        operator = load_operator(version)
        if _knows_recipient(operator, request):
            return version, operator
    return current, load_operator(current)


def _knows_recipient(operator: Operator, request: PackRequest) -> bool:
    if request.kind == "client":
        return any(row.id == request.recipient for row in operator.clients)
    return request.kind != "inspection" or request.recipient in operator.site


NO_SITE = ""
"""Stands in ``sites`` for the entries about no site."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Every entry of some kinds in the period: of one client, of some sites, where given."""

    kinds: tuple[str, ...]
    client: str = ""
    sites: tuple[str, ...] | None = None

    def as_json(self, kinds: Collection[str]) -> dict[str, Any]:
        """Return the selection as a pack holds it, of those of its kinds that were tallied."""
        return {
            "client": self.client,
            "kinds": [kind for kind in self.kinds if kind in kinds],
            "sites": None if self.sites is None else sorted(self.sites),
        }


def find_tallies(source: PackSource) -> list[EvidenceRecord]:
    """Return the tallies up to the root that list what was recorded since the period began.

    One from before the period, where there is one, shows that none is left out between. Empty
    where the root does not end with a tally: it was signed without one.
    """
    found = load_records((TALLY_KIND,), source.root, lambda one: True)
    if not found or found[-1].seq != source.root.size:
        return []
    later = (place for place, one in enumerate(found) if one.at >= source.start)
    return found[max(next(later) - 1, 0) :]


def list_selections(
    tallies: Sequence[EvidenceRecord], selections: Sequence[Selection]
) -> tuple[list[dict[str, Any]], list[EvidenceRecord]]:
    """Return the selections as a pack holds them, and the tallies with the lists they need.

    Of a kind that a tally does not list, or whose list a restore lost, nothing is claimed.
    """
    if not tallies:
        return [], []
    read = tallies if tallies[0].body["after"] == 0 else tallies[1:]
    rows = list(PersonalValue.objects.filter(entry__in=[one.seq for one in read]))
    lists = Counter(row.path for row in rows if row.path.startswith("counts."))
    kinds = {kind for one in selections for kind in one.kinds if lists[name_count(kind)] == len(read)}
    if not kinds:
        return [], []
    wanted = {name_count(kind) for kind in kinds}
    names = {
        "clients": {one.client for one in selections},
        "sites": {site for one in selections for site in one.sites or ()},
    }
    shown: dict[int, list[PersonalValue]] = {}
    for row in rows:
        group = row.path.partition(".")[0]
        if row.path in wanted or parse_canonical(row.value) in names.get(group, ()):
            shown.setdefault(row.entry_id, []).append(row)
    return (
        [one.as_json(kinds) for one in selections],
        [replace(one, values=tuple(disclose_values(shown[one.seq]))) if one.seq in shown else one for one in tallies],
    )
