"""What keeps a plan that was made of older reference data from being in force today.

A plan says who works where. It still holds while every person it names may do that work in that
place at those hours, and no site has more people than usable seats. What else changed since (the
forecast, a person who joined, a seat more) makes another plan possible, and breaks nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from releve.errors import Phrase
from releve.network import HOME, Operator, find_site_seats
from releve.plan.checker.rules import DayRules, apply_moves
from releve.plan.problem import limit_to_measures
from releve.plan.result import BASE, Placement, Plan, read_agent
from releve.plan.settings import PlanSettings

BreakKind = Literal[
    "agent_left",
    "programme_gone",
    "skill_lost",
    "site_gone",
    "not_home_ready",
    "not_allowed",
    "shift_changed",
    "seats_lost",
    "kits_lost",
    "border_moved",
]
MOST_NAMED = 5
"""Agents named in a sentence; the others are counted."""

_SENTENCES: Mapping[BreakKind, Phrase] = {
    "agent_left": Phrase("{0}: agents of the plan are not in the reference data any more: {5} ({1})"),
    "programme_gone": Phrase(
        "{0}: programme {2} is not in the reference data any more; agents placed for it: {5} ({1})"
    ),
    "skill_lost": Phrase("{0}: agents are placed for {2} and not skilled for it any more: {5} ({1})"),
    "site_gone": Phrase("{0}: site {2} is not in the reference data any more; agents placed there: {5} ({1})"),
    "not_home_ready": Phrase("{0}: agents are placed at home and not ready for it any more: {5} ({1})"),
    "not_allowed": Phrase("{0}: agents are placed where the reference data no longer allow it ({2}): {5} ({1})"),
    "shift_changed": Phrase("{0}: agents have other shifts now than those of the plan: {5} ({1})"),
    "seats_lost": Phrase("{0}: site {2} has {3} usable seats, and the plan has {4} people there at once"),
    "kits_lost": Phrase("{0}: site {2} has {3} kits for work at home, and the plan gives {4} agents one"),
    "border_moved": Phrase("{0}: planning days begin at another time now than when the plan was made"),
}


@dataclass(frozen=True, slots=True)
class PlanBreak:
    """What no longer holds on a day: whose work, and of which programme or site.

    ``subject`` is a programme's id, a site's, or empty. Of ``seats_lost`` also how many ``seats``
    are usable now for the ``people`` who would be there at once; of ``kits_lost`` how many kits
    (``seats``) the site has now for the ``people`` who hold one.
    """

    kind: BreakKind
    day: date
    subject: str
    agents: tuple[str, ...] = ()
    seats: int = 0
    people: int = 0

    def sentence(self) -> Phrase:
        """Return what is broken, as a sentence with the day and the names."""
        counts = (self.seats, self.people, len(self.agents))
        return _SENTENCES[self.kind].with_params(self.day, name_some(self.agents), self.subject, *counts)


def name_some(names: Sequence[str]) -> str:
    """Return the first of some names, and whether there are more."""
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")


def find_breaks(operator: Operator, plan: Plan) -> tuple[PlanBreak, ...]:
    """Return what a plan and its reliefs break by the reference data of an operator.

    The operator may be another one than the plan was made of. Figures are not looked at. Absences break
    nothing: on the day those who are away are left out, and a relief is made for them.
    """
    operator = replace(operator, absences=()) if operator.absences else operator
    rules = DayRules(operator, plan.day, PlanSettings(**plan.settings), plan.kit_holders)  # type: ignore[arg-type]
    if plan.starts[0] != rules.first:
        return (PlanBreak("border_moved", plan.day, ""),)
    scenarios = {BASE: list(plan.placements)}
    for name, scenario in plan.scenarios.items():
        if name != BASE:
            scenarios[name] = apply_moves(plan.placements, scenario.moves)
    placed = dict.fromkeys(row for rows in scenarios.values() for row in rows)
    agents: dict[tuple[BreakKind, str], dict[str, None]] = defaultdict(dict)
    for row in placed:
        for key in _judge_placement(rules, row):
            agents[key][row.agent] = None
    for agent in map(read_agent, plan.reserve):
        if agent not in operator.agent:
            agents["agent_left", ""][agent] = None
    people = [
        PlanBreak(kind, plan.day, subject, tuple(sorted(names))) for (kind, subject), names in sorted(agents.items())
    ]
    return (*people, *_find_lost_seats(operator, plan, scenarios.values()), *_find_lost_kits(operator, plan))


def _judge_placement(rules: DayRules, row: Placement) -> Iterator[tuple[BreakKind, str]]:
    operator = rules.operator
    agent = operator.agent.get(row.agent)
    if agent is None:
        yield "agent_left", ""
        return
    if row.programme not in operator.programme:
        yield "programme_gone", row.programme
    elif row.programme not in agent.skills:
        yield "skill_lost", row.programme
    elif row.place != HOME and row.place not in operator.site:
        yield "site_gone", row.place
    elif row.place == HOME and not (agent.id in rules.kit_holders if agent.home_kit else agent.home_ready):
        yield "not_home_ready", ""
    elif rules.explain_refusal(agent, row.place, row.programme) is not None:
        yield "not_allowed", row.place
    if next(iter(rules.find_time_faults(row)), None) is not None and not _works_part(rules, row):
        yield "shift_changed", ""


def _works_part(rules: DayRules, row: Placement) -> bool:
    """Return whether a placement is a part of the shift that the agent has: planned with an absence, or before the
    shift was lengthened."""
    shift = [(start, end) for start, end, _ in rules.duties.get(row.key, ())]
    placed = list(row.list_periods())
    return placed != shift and all(any(a <= start and end <= b for a, b in shift) for start, end in placed)


def _find_lost_seats(operator: Operator, plan: Plan, scenarios: Iterable[list[Placement]]) -> Iterator[PlanBreak]:
    """Yield the sites that would have more people at once than usable seats, with the most there."""
    usable = {site: len(found.usable) for site, found in find_site_seats(operator, plan.day).items()}
    seats = limit_to_measures(operator, plan.day, usable)
    most: Counter[str] = Counter()
    for rows in scenarios:
        for site, people in _count_at_once(rows).items():
            most[site] = max(most[site], people)
    for site, people in sorted(most.items()):
        if site in seats and people > seats[site]:
            yield PlanBreak("seats_lost", plan.day, site, seats=seats[site], people=people)


def _find_lost_kits(operator: Operator, plan: Plan) -> Iterator[PlanBreak]:
    """Yield the sites that have fewer kits than the plan gives to agents who still need one."""
    holders = (operator.agent[name] for name in plan.kit_holders if name in operator.agent)
    for site, people in sorted(Counter(row.home_site for row in holders if row.home_kit).items()):
        if people > operator.site[site].home_kits:
            yield PlanBreak("kits_lost", plan.day, site, seats=operator.site[site].home_kits, people=people)


def _count_at_once(rows: Iterable[Placement]) -> Mapping[str, int]:
    """Return the most people who are at each site at once."""
    steps: dict[str, Counter[tuple[datetime, int]]] = defaultdict(Counter)
    for row in rows:
        for start, end in row.list_periods() if row.place != HOME else ():
            steps[row.place][start, 1] += 1
            steps[row.place][end, -1] += 1
    found = {}
    for site, changes in steps.items():
        there = most = 0
        for (_at, step), count in sorted(changes.items()):
            there += step * count
            most = max(most, there)
        found[site] = most
    return found
