"""The open cases, with the days of their measures: for the health officer alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from releve.network import Operator
from releve.situation.refusal import to_local_day
from releve.situation.rule_kinds import AbsenceRule
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation
from releve.situation.state import DeclaredCase

__all__ = ["OpenCase", "list_known_cases", "list_open_cases"]


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case or contact: the first and the last day of its measure, by the days of its site."""

    event: str
    pseudonym: str
    status: str
    site: str
    since: date
    until: date


def list_known_cases(
    situation: Situation, operator: Operator, sees: Callable[[str], bool]
) -> Iterator[DeclaredCase]:
    """Yield the cases that still name an agent, by date, on the sites that a reader ``sees``."""
    for case in situation.cases:
        if case.agent and case.site in operator.site and sees(case.site):
            yield case


def list_open_cases(
    situation: Situation,
    operator: Operator,
    rules: SituationRules,
    now: datetime,
    sees: Callable[[str], bool],
) -> tuple[OpenCase, ...]:
    """Return the cases whose measure lasts, the newest first, on the sites that a reader sees."""
    every = list(list_known_cases(situation, operator, sees))
    found = (_build_row(case, operator, rules) for case in reversed(every) if not case.cleared_at)
    return tuple(row for row in found if to_local_day(now, row.site, operator) <= row.until)


def _build_row(case: DeclaredCase, operator: Operator, rules: SituationRules) -> OpenCase:
    """Return a case with the days of its measure, by the rule of its day."""
    day = to_local_day(case.at, case.site, operator)
    rule = rules.one(AbsenceRule, day, operator.site[case.site]) or AbsenceRule()
    first = case.since or day
    last = rule.last_day(case.status, first, case.until)
    return OpenCase(case.event, case.agent, case.status, case.site, first, last)
