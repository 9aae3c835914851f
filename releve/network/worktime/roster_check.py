"""The working time of an operator's people: what its roster breaks, and what they may be given more.

A roster that exists may break a row: it is said, by person and day, and stops no plan. What the product
proposes itself breaks none that forbids (:meth:`WorkingTime.find_refusals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial

from releve.errors import NumberPhrase, Phrase
from releve.network.operator import Operator
from releve.network.worktime.judgement import Breach, WorkRecord, find_breaches, judge_proposal
from releve.network.worktime.own_rows import build_rules
from releve.network.worktime.rows import FORBID, STRENGTHS, WorkPeriod, WorkRow, WorkRules


@dataclass(frozen=True, slots=True)
class RosterBreach:
    """A person whose work breaks a row on a ``day``, or in the week that begins on it; what was ``found``."""

    agent: str
    day: date
    found: float


@dataclass(frozen=True, slots=True)
class RowFinding:
    """All that a roster breaks of one row, the gravest breach first."""

    row: WorkRow
    breaches: tuple[RosterBreach, ...]

    @property
    def people(self) -> int:
        return len({one.agent for one in self.breaches})

    @property
    def sentence(self) -> Phrase:
        """What the row says, its source, how sure it is, and how many people's roster breaks it."""
        return describe_row(self.row, self.people, len(self.breaches))

    def describe(self, breach: RosterBreach) -> Phrase:
        """Return who, when, and what was found against the limit."""
        return Phrase("{0}, {1}: {2}", breach.agent, breach.day.isoformat(), self.row.describe(breach.found))


STRENGTH_WORDS = {"forbid": Phrase("forbidden"), "cost": Phrase("paid for"), "warn": Phrase("to look at")}
CONFIDENCE_WORDS = {
    "sure": Phrase("the text was read"),
    "likely": Phrase("likely: a secondary or older text"),
    "unsure": Phrase("unsure: no text was read"),
    "policy": Phrase("not law"),
    "own": Phrase("the operator's own"),
}


def describe_row(row: WorkRow, people: int, times: int) -> Phrase:
    """Return what a row says, its source, how sure it is, and how many people break it how often."""
    return Phrase(
        "{0} ({1}): {2} people, {3} times. {4} {5} ({6})",
        row.id, STRENGTH_WORDS[row.strength], NumberPhrase(people), NumberPhrase(times),
        row.text, row.source, CONFIDENCE_WORDS[row.confidence],
    )  # fmt: skip


class WorkingTime:
    """The rows that bind each person of an operator: those of the country of the home site."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    def find_rules(self, agent: str) -> WorkRules:
        """Return the rows that bind an agent."""
        site = self._operator.site[self._operator.agent[agent].home_site]
        return build_rules(site.destination, self._operator.working_time)

    def find_zone(self, agent: str) -> str:
        """Return the time zone in which an agent's days are counted."""
        return self._operator.site[self._operator.agent[agent].home_site].time_zone

    @cached_property
    def rostered(self) -> dict[str, tuple[WorkPeriod, ...]]:
        """The work of each agent by the roster."""
        found: dict[str, list[WorkPeriod]] = {}
        for shift in self._operator.shifts:
            found.setdefault(shift.agent, []).append(WorkPeriod.from_shift(shift))
        return {agent: tuple(periods) for agent, periods in found.items()}

    def find_breaches(self, agent: str, periods: Iterable[WorkPeriod]) -> tuple[Breach, ...]:
        """Return what some work of an agent breaks."""
        record = WorkRecord.build(periods, self.find_zone(agent))
        return find_breaches(self.find_rules(agent), record, self._operator.agent[agent].contract_hours)

    def judge(self, agent: str, own: Sequence[WorkPeriod], proposed: Iterable[WorkPeriod]) -> tuple[Breach, ...]:
        """Return every row, whatever its strength, that proposed work would break beside an agent's own."""
        hours = self._operator.agent[agent].contract_hours
        return judge_proposal(self.find_rules(agent), own, proposed, self.find_zone(agent), hours)

    def find_refusals(
        self, agent: str, own: Sequence[WorkPeriod], proposed: Iterable[WorkPeriod]
    ) -> tuple[Breach, ...]:
        """Return the rows that forbid an agent proposed work beside its own; none where it is allowed."""
        return tuple(one for one in self.judge(agent, own, proposed) if one.row.strength == FORBID)

    def check_roster(self) -> tuple[RowFinding, ...]:
        """Return what the roster breaks, by row: those that forbid first, the most people first.

        Agents with the same work in the same place and with the same contract are judged once.
        """
        known: dict[object, tuple[Breach, ...]] = {}
        by_row: dict[WorkRow, list[RosterBreach]] = {}
        for agent in self._operator.agents:
            periods = self.rostered.get(agent.id, ())
            site = self._operator.site[agent.home_site]
            key = (site.destination, site.time_zone, agent.contract_hours, periods)
            if key not in known:
                known[key] = self.find_breaches(agent.id, periods) if periods else ()
            for row, day, found in known[key]:
                by_row.setdefault(row, []).append(RosterBreach(agent.id, day, found))
        found_rows = (RowFinding(row, tuple(sorted(own, key=partial(_rank, row)))) for row, own in by_row.items())
        return tuple(sorted(found_rows, key=lambda one: (STRENGTHS.index(one.row.strength), -one.people, one.row.id)))


def _rank(row: WorkRow, one: RosterBreach) -> tuple[float, str, date]:
    return (-one.found if row.kind.most else one.found, one.agent, one.day)
