"""Rules as dated rows: select those in force at a site on a day, with their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TypeVar

from releve.network import Site
from releve.situation.charter import Charter, CharterMeasure
from releve.situation.fields import event_field
from releve.situation.rule_kinds import ChecklistItem, ClosureRule, ReopeningRule, RuleParameters

__all__ = [
    "ChosenPack",
    "RulePack",
    "SituationRule",
    "SituationRules",
    "ended",
]


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
        """Return whether the row is in force on a day."""
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
        """Return whether the pack is in force on a day."""
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
        cut = [
            row.cut(one.first, one.last)
            for one in chosen
            for row in self.offered
            if row.pack == one.pack
        ]
        own = [row for row in self.rows if not row.pack]
        return replace(self, rows=(*own, *(row for row in cut if row is not None)))

    def closes_on(self, day: date) -> bool:
        """Return whether a rule closes any site on a day."""
        return any(
            isinstance(row.parameters, ClosureRule) and row.holds_on(day) for row in self.rows
        )

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


def ended(
    rows: Iterable[SituationRule], ends: Iterable[tuple[str, date]]
) -> tuple[SituationRule, ...]:
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
