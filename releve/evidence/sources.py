"""What a pack is made from: who it is for, its period, the root it stands under, the operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from releve.errors import Phrase
from releve.evidence.errors import PackRefused
from releve.evidence.language import isolate_name
from releve.evidence.statements import Statement
from releve.ledger.digests import format_instant
from releve.ledger.roots import SignedRoot, load_last_root, load_root
from releve.network import Operator, Site, day_bounds
from releve.registry.models import Version
from releve.registry.storage import load_operator

if TYPE_CHECKING:
    from releve.evidence.completeness import Selection
    from releve.evidence.records import EvidenceRecord

__all__ = ["LANGUAGES", "PackDraft", "PackRequest", "PackSource", "PaperTable", "open_source"]

LANGUAGES = ("fr", "en")
_LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What is asked for: a kind of pack, for a recipient, from one day to another.

    ``recipient`` is a client's id, a site's, a crash test's, or empty for the operator as a whole.
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
            raise PackRefused(
                Phrase("the first day is after the last: {0} > {1}", self.first, self.last)
            )
        if (self.last - self.first).days >= _LONGEST_DAYS:
            raise PackRefused(
                Phrase("a pack is over at most {0} days: choose fewer", _LONGEST_DAYS)
            )

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

    def holds(self, at: datetime) -> bool:
        """Return whether an instant is in the period."""
        return self.start <= at < self.end

    def iter_versions(self) -> Iterator[tuple[Version, Operator]]:
        """Yield the reference data that were current in the period, one version after another."""
        rows = Version.objects.filter(number__lte=self.version.number).order_by("number")
        first = rows.filter(made_at__lte=self.start).last() or rows.first()
        assert first is not None, "the version itself is one of them"
        for row in rows.filter(number__gte=first.number):
            if row.number == first.number or row.made_at < self.end:
                yield row, load_operator(row)

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


def open_source(request: PackRequest) -> PackSource:
    """Return what answers a request; PackRefused where no root covers its period."""
    root = load_root(request.root) if request.root else load_last_root()
    if root is None:
        raise PackRefused(Phrase("no root has been signed yet: run `releve ledger seal` first"))
    version, operator = _find_operator(request, root.sealed_at)
    start = day_bounds(request.first, operator.row.time_zone)[0]
    end = day_bounds(request.last, operator.row.time_zone)[1]
    if root.sealed_at < end:
        raise PackRefused(
            Phrase(
                "root {0} was signed before the end of {1}: choose an earlier last day, or run"
                " `releve ledger seal` once that day is over",
                root.number,
                request.last,
            )
        )
    return PackSource(request, root, version, operator, start, end)


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
