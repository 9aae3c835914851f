"""Closures and outages of sites in a period: what packs count of them, and their table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from releve.errors import BilingualPhrase, Phrase
from releve.evidence.language import Wording
from releve.evidence.records import EvidenceRecord
from releve.evidence.sources import PackSource, PaperTable
from releve.evidence.statements import Statement
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.live.current_rules import load_installed_rules
from releve.situation import ReopeningRule

__all__ = [
    "CLOSURE_KINDS",
    "OUTAGE_KINDS",
    "ClosureSpan",
    "describe_happenings",
    "find_closures",
    "is_of_sites",
    "name_event",
    "name_measure",
    "state_closures",
]

CLOSURE_KINDS = (
    "site.closed", "closure.extended", "reopening.checked", "reopening.approved", "site.reopened",
)  # fmt: skip
OUTAGE_KINDS = ("link.down", "link.up", "power.down", "power.up")
_CAUSES: Mapping[str, Phrase] = {
    "rule": Phrase("by a rule"),
    "authority": Phrase("by an authority"),
    "hazard": Phrase("by a hazard"),
    "operator": Phrase("by the operator"),
}
_WORDS: Mapping[str, Phrase] = {
    "site.closed": Phrase("Site closed"),
    "closure.extended": Phrase("Closure extended"),
    "reopening.checked": Phrase("Item of the reopening checked"),
    "reopening.approved": Phrase("Reopening approved"),
    "site.reopened": Phrase("Site reopened"),
    "link.down": Phrase("Link down"),
    "link.up": Phrase("Link up"),
    "power.down": Phrase("Power down"),
    "power.up": Phrase("Power up"),
}


@dataclass(frozen=True, slots=True)
class ClosureSpan:
    """A closure with its reopening, None while it lasts."""

    closed: EvidenceRecord
    reopened: EvidenceRecord | None

    def overlaps(self, source: PackSource) -> bool:
        over = self.reopened is not None and self.reopened.at <= source.start
        return self.closed.at < source.end and not over


def is_of_sites(one: EvidenceRecord, sites: Collection[str]) -> bool:
    """Return whether an entry is about one of some sites, or about no site (a carrier)."""
    return not one.site or one.site in sites


def name_event(kind: str) -> Phrase:
    """Return what an event of a closure or an outage says happened."""
    return _WORDS[kind]


def name_measure(measure: str, day: date) -> Phrase:
    """Return what a measure asks, by the charter of a day; its id where that has none of it."""
    charter = load_installed_rules().charter(day)
    found = charter.measure.get(measure) if charter is not None else None
    return BilingualPhrase(*((found.text, found.text_fr) if found else (measure, measure)))


def _name_item(item: str, day: date) -> Phrase:
    """Return what an item of the reopening asks; its id where no rule has it.

    A rule in force on the day comes first, one that began later last.
    """
    rules = load_installed_rules()
    rows = sorted(
        (*rules.rows, *rules.offered),
        key=lambda row: (not row.holds_on(day), row.valid_from > day),
    )
    asked = (row.parameters for row in rows)
    items = (one for row in asked if isinstance(row, ReopeningRule) for one in row.checklist)
    found = next((one for one in items if one.id == item), None)
    return BilingualPhrase(*((found.text, found.text_fr) if found else (item, item)))


def find_closures(records: Sequence[EvidenceRecord]) -> list[ClosureSpan]:
    """Return the closures that some entries tell of, in order; corrected ones do not count."""
    gone = {one.body.get("corrects") for one in records if one.kind == "event.corrected"}
    begun: dict[str, EvidenceRecord] = {}
    found: list[ClosureSpan] = []
    for one in sorted(records, key=lambda row: (row.at, row.seq)):
        if one.id in gone:
            continue
        if one.kind == "site.closed":
            begun.setdefault(one.site, one)
        elif one.kind == "site.reopened" and one.site in begun:
            found.append(ClosureSpan(begun.pop(one.site), one))
    found += [ClosureSpan(one, None) for one in begun.values()]
    return sorted(found, key=lambda span: (span.closed.at, span.closed.seq))


def state_closures(source: PackSource, closures: Sequence[ClosureSpan]) -> Iterator[Statement]:
    """Yield how many closures began in the period, and how long each that ended lasted."""
    yield Statement(
        id="closures",
        text=Phrase("Closures of sites that began in the period"),
        how="count",
        kinds=("site.closed",),
    )
    for span in closures:
        if span.reopened is not None:
            yield Statement(
                id=f"closure-{span.closed.seq}",
                text=Phrase(
                    "{0}: time from the closure to the reopening",
                    source.name_site(span.closed.site),
                ),
                how="span",
                unit="min",
                path="happened_at",
                of=(span.closed.seq, span.reopened.seq),
            )
    yield Statement(
        id="outages",
        text=Phrase("Outages of links and power that began in the period"),
        how="count",
        kinds=("link.down", "power.down"),
    )


def describe_happenings(
    source: PackSource, records: Sequence[EvidenceRecord], wording: Wording
) -> PaperTable:
    """Return the table of closures and outages, each with who decided and its entry."""
    gone = {one.body.get("corrects") for one in records if one.kind == "event.corrected"}
    rows = [
        (
            wording.instant(one.at),
            wording.say(_WORDS[one.kind]),
            source.name_site(one.site) if one.site else str(one.body.get("carrier", "")),
            _describe_decision(one, wording)
            + (f" ({wording.say(Phrase('corrected since'))})" if one.id in gone else ""),
            str(one.seq),
        )
        for one in sorted(records, key=lambda row: (row.at, row.seq))
        if one.kind in _WORDS
    ]
    return PaperTable(
        Phrase("What happened, and who decided"),
        (
            Phrase("When"), Phrase("What"), Phrase("Where"), Phrase("Decision"), Phrase("Entry"),
        ),
        tuple(rows),
        Phrase("No closure and no outage is recorded in the period."),
        wide=3,
    )  # fmt: skip


def _describe_decision(one: EvidenceRecord, wording: Wording) -> str:
    body = one.body
    cause = _CAUSES.get(str(body.get("cause", "")))
    parts = [wording.say(cause)] if cause else []
    parts += [str(body[name]) for name in ("rule", "authority", "reference") if body.get(name)]
    if body.get("item"):
        parts.append(wording.say(_name_item(str(body["item"]), one.at.date())).rstrip("."))
    actor = str(body.get("actor", ""))
    if actor.startswith(ACCOUNT_PREFIX):
        parts.append(wording.say(Phrase("account {0}", actor.removeprefix(ACCOUNT_PREFIX))))
    elif actor and not actor.startswith("rule:"):
        parts.append(actor)
    return ", ".join(parts)
