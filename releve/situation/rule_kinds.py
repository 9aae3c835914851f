"""The kinds of rules, by the parameters that a row of each kind has.

Rules as dated rows: select those in force at a site on a day, with their parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import ClassVar, TypeVar

from releve.network import Site
from releve.situation.charter import Charter, CharterMeasure
from releve.situation.event import event_field, list_fields

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleParameters:
    """Base of the parameters of a kind of rule; ValueError quotes the condition and the value."""

    kind: ClassVar[str]
    doc: ClassVar[str]

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            value = getattr(self, field.name)
            reason = field.condition.fault(value)
            if reason is not None:
                raise ValueError(f"{self.kind}.{field.name} {reason}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureRule(RuleParameters):
    kind: ClassVar[str] = "closure"
    doc: ClassVar[str] = "So many confirmed agents on a site within so many days close it."

    n: int = event_field("Confirmed agents, each counted once", default=2, at_least=1, at_most=10_000)
    days: float = event_field("Within how many days (of 24 h)", default=14.0, at_least=0, at_most=366)
    hours: float = event_field("Closed at least, from the order", default=48.0, at_least=0, at_most=8784)
    further_case_hours: float = event_field(
        "A further case while closed: closed at least so long from its record; 0 = no longer",
        default=0.0,
        at_least=0,
        at_most=8784,
    )
    earlier_cases_count: bool = event_field(
        "After a reopening, the cases before it count together with a new one", default=True
    )
    home_only: bool = event_field("The people of the site may then work at home only", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    id: str = event_field("Item id", example="disinfected")
    text: str = event_field("What is done, in English", example="The site is disinfected")
    text_fr: str = event_field("What is done, in French", example="Le site est désinfecté")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopeningRule(RuleParameters):
    kind: ClassVar[str] = "reopening"
    doc: ClassVar[str] = "What a reopening needs, by the rules of the day of the first order."

    approvals: int = event_field("Different people who say yes", default=2, at_least=1, at_most=10)
    checklist: tuple[ChecklistItem, ...] = event_field("Items done first", default=())

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(item.id for item in self.checklist)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceRule(RuleParameters):
    kind: ClassVar[str] = "absence"
    doc: ClassVar[str] = "How long an agent is unavailable when the declaration does not say."

    case_days: int = event_field("A declared case, days", default=10, at_least=1, at_most=366)
    contact_days: int = event_field("A contact, days", default=7, at_least=1, at_most=366)

    def last_day(self, status: str, first: date, until: date | None) -> date:
        """Return the last day of a measure: the one declared, or by the status and first day."""
        days = self.case_days if status == "declared_case" else self.contact_days
        return until or first + timedelta(days=days - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCheckRule(RuleParameters):
    kind: ClassVar[str] = "daily_check"
    doc: ClassVar[str] = "Every open site is checked every day by its commission."

    due_hour: float = event_field("Late after this hour, site time", default=10.0, at_least=0, at_most=24)
    look_back_days: int = event_field("Missing checks are named so far back", default=7, at_least=0)
    weekdays: tuple[str, ...] = event_field("Days of the week asked for", default=WEEKDAYS)

    @property
    def days(self) -> frozenset[int]:
        """The days asked for as numbers, Monday 0."""
        return frozenset(WEEKDAYS.index(day) for day in self.weekdays if day in WEEKDAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportRule(RuleParameters):
    kind: ClassVar[str] = "transport"
    doc: ClassVar[str] = "How full a shuttle may be."

    most_fill: float = event_field("Share of its seats", default=0.5, at_least=0, at_most=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRule(RuleParameters):
    kind: ClassVar[str] = "seat"
    doc: ClassVar[str] = "Which share of the positions may be taken."

    most_share: float = event_field("Share of the positions", default=0.5, at_least=0, at_most=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationRule(RuleParameters):
    kind: ClassVar[str] = "authorisation"
    doc: ClassVar[str] = "A site without a valid authorisation is not planned."


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRule(RuleParameters):
    kind: ClassVar[str] = "notice"
    doc: ClassVar[str] = "How long before it ends a thing is announced."

    authorisation_days: int = event_field("An authorisation", default=14, at_least=0, at_most=366)
    audit_days: int = event_field("An auditor's verdict", default=30, at_least=0, at_most=366)
    closure_hours: float = event_field("The least time of a closure", default=6.0, at_least=0)
    absence_days: int = event_field("An absence that ended stays on the list", default=7, at_least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule(RuleParameters):
    kind: ClassVar[str] = "label"
    doc: ClassVar[str] = "What the label of the charter asks for."

    most_minors: int = event_field("Minor measures that may not be kept, all sites together", default=3, at_least=0)
    audit_days: int = event_field("An auditor's verdict is not older", default=366, at_least=1)
    visit_days: int = event_field("A visit drawn by lot is not older", default=180, at_least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule(RuleParameters):
    kind: ClassVar[str] = "recording"
    doc: ClassVar[str] = "How far the date of an event may lie from the clock."

    ahead_minutes: float = event_field("Ahead of it, for clocks that differ", default=5.0, at_least=0)
    behind_days: int = event_field("Behind it", default=366, at_least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingRule(RuleParameters):
    kind: ClassVar[str] = "tracing"
    doc: ClassVar[str] = "Who counts as a contact, and which cases as a cluster."

    days_before: float = event_field("Days before a case looked at", default=2.0, at_least=0, at_most=60)
    neighbour_m: float = event_field("Seats no farther are neighbours", default=2.0, at_least=0)
    close_minutes: float = event_field("Close from so long near or riding", default=15.0, at_least=0)
    ride_apart_minutes: float = event_field(
        "Stays that begin (or end) so close rode together", default=15.0, at_least=0
    )
    cluster_days: float = event_field("Cases of a cluster lie so close", default=14.0, at_least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule(RuleParameters):
    kind: ClassVar[str] = "retention"
    doc: ClassVar[str] = "When the personal values of an event are erased."

    measure_days: int = event_field("After the last day of a measure", default=30, at_least=0)
    attendance_days: int = event_field("After a day of attendance", default=30, at_least=0)
    other_days: int = event_field("Other names, after the event", default=366, at_least=0)


PARAMETERS: Mapping[str, type[RuleParameters]] = {
    cls.kind: cls
    for cls in (
        ClosureRule,
        ReopeningRule,
        AbsenceRule,
        DailyCheckRule,
        TransportRule,
        SeatRule,
        AuthorisationRule,
        NoticeRule,
        LabelRule,
        RecordingRule,
        TracingRule,
        RetentionRule,
    )
}
"""The parameters of each kind of rule."""


P = TypeVar("P", bound=RuleParameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationRule:
    """One row: it holds from ``valid_from`` to ``valid_to`` (None = until a row ends it).

    ``sites`` and ``destinations`` bound where it holds (both empty = everywhere); ``causes`` for
    which closures (reopening only; empty = all). ``basis``: ``policy`` of a client, a site
    or the operator, or ``law``. ``pack``: the pack that it is part of; empty = none.
    """

    id: str
    parameters: RuleParameters
    valid_from: date
    valid_to: date | None
    basis: str
    source: str
    confidence: str
    text: str = ""
    text_fr: str = ""
    sites: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    pack: str = ""

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def cut(self, first: date, last: date | None) -> SituationRule | None:
        """Return the row on some days only, both included; None where it holds on none of them."""
        begins = max(self.valid_from, first)
        ends = min((day for day in (self.valid_to, last) if day is not None), default=None)
        if ends is not None and ends < begins:
            return None
        return replace(self, valid_from=begins, valid_to=ends)

    def nearness(self, site: Site | None, cause: str) -> int:
        """Return how closely the row aims at a site and a cause; -1 = it does not hold there."""
        here, there = site.id if site else "", site.destination if site else ""
        if self.causes and cause not in self.causes:
            return -1
        if self.sites or self.destinations:
            if here in self.sites:
                return 4 + bool(self.causes)
            return 2 + bool(self.causes) if there in self.destinations else -1
        return int(bool(self.causes))


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """Rules that an operator takes together, for some days, or leaves."""

    id: str = event_field("Pack id", example="health-2020")
    name: str = event_field("Name in English", example="Health measures of 2020")
    name_fr: str = event_field("Name in French", example="Mesures sanitaires de 2020")
    text: str = event_field("In words, in English", example="Two positive tests close a site.")
    text_fr: str = event_field("In words, in French", example="Deux tests ferment un site.")
    source: str = event_field("Where it is from", example="Account of an outsourcer of 2020")
    source_fr: str = event_field("The same in French", example="Récit d'un prestataire de 2020")


@dataclass(frozen=True, slots=True, order=True)
class ChosenPack:
    """The days on which the rules of a pack hold, both included; ``last`` None = until ended."""

    pack: str
    first: date
    last: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.state_on(day) == "in_force"

    def state_on(self, day: date) -> str:
        """Return how the days stand on one: ``to_come``, ``in_force`` or ``over``."""
        if self.first > day:
            return "to_come"
        return "in_force" if self.last is None or day <= self.last else "over"


@dataclass(frozen=True)
class SituationRules:
    """Every row and every version of the charter an installation keeps, past ones too.

    ``rows`` hold as they are dated. ``offered`` are the rows of the ``packs``: they hold only on
    the days for which their pack is chosen (:meth:`choose`).
    """

    rows: tuple[SituationRule, ...] = ()
    charters: tuple[Charter, ...] = ()
    packs: tuple[RulePack, ...] = ()
    offered: tuple[SituationRule, ...] = ()

    def choose(self, chosen: Iterable[ChosenPack]) -> SituationRules:
        """Return the rules with those packs in force, each on its days, and no other pack."""
        cut = [row.cut(one.first, one.last) for one in chosen for row in self.offered if row.pack == one.pack]
        own = [row for row in self.rows if not row.pack]
        return replace(self, rows=(*own, *(row for row in cut if row is not None)))

    def closes_on(self, day: date) -> bool:
        return any(isinstance(row.parameters, ClosureRule) and row.holds_on(day) for row in self.rows)

    @cached_property
    def checklist_items(self) -> Mapping[str, ChecklistItem]:
        """Every item of a reopening checklist by id, also of packs that are not chosen."""
        rows = (row.parameters for row in (*self.rows, *self.offered))
        items = (item for row in rows if isinstance(row, ReopeningRule) for item in row.checklist)
        return {item.id: item for item in items}

    @cached_property
    def measures(self) -> Mapping[str, CharterMeasure]:
        """Every measure of a charter by id, as in the newest charter that has it."""
        charters = sorted(self.charters, key=lambda one: one.valid_from)
        return {one.id: one for charter in charters for one in charter.measures}

    def find_closure_rule(self, name: str) -> ClosureRule | None:
        """Return the parameters of the closure rule of an id, the newest; None without one."""
        every = (*self.rows, *self.offered)
        rows = sorted(every, key=lambda row: row.valid_from, reverse=True)
        found = (row.parameters for row in rows if row.id == name)
        return next((one for one in found if isinstance(one, ClosureRule)), None)

    def in_force(
        self, kind: type[P], day: date, site: Site | None = None, cause: str = ""
    ) -> tuple[tuple[str, P], ...]:
        """Return (id, parameters) of the rows of a kind in force at a site on a day.

        Rows that name the site win over rows that name its destination, and these over rows that
        hold everywhere; so a site's own policy replaces the general one. The newest comes first.
        """
        rows = [
            (row.nearness(site, cause), row.valid_from, row.id, row.parameters)
            for row in self.rows
            if isinstance(row.parameters, kind) and row.holds_on(day)
        ]
        best = max((nearness for nearness, *_ in rows), default=-1)
        found = [row for row in rows if row[0] == best >= 0]
        newest = sorted(found, key=lambda row: (row[1], row[2]), reverse=True)
        return tuple((row[2], row[3]) for row in newest if isinstance(row[3], kind))

    def one(self, kind: type[P], day: date, site: Site | None = None, cause: str = "") -> P | None:
        """Return the parameters of the newest row in force, or None when no row is."""
        return next((found for _, found in self.in_force(kind, day, site, cause)), None)

    def charter(self, day: date) -> Charter | None:
        """Return the charter in force on a day: the newest version, or None."""
        held = [charter for charter in self.charters if charter.holds_on(day)]
        return max(held, key=lambda charter: (charter.valid_from, charter.version), default=None)


def ended(rows: Iterable[SituationRule], ends: Iterable[tuple[str, date]]) -> tuple[SituationRule, ...]:
    """Return the rows, those that another row ends cut to the day before it."""
    last: dict[str, date] = {}
    for row_id, day in ends:
        last[row_id] = min(last.get(row_id, day), day)
    return tuple(
        replace(row, valid_to=min(last[row.id] - timedelta(days=1), row.valid_to or date.max))
        if row.id in last
        else row
        for row in rows
    )
