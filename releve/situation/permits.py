"""Authorisations of the operator's table and of the events together, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from releve.network import Operator, zone
from releve.situation.rule_kinds import AuthorisationRule
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation

__all__ = ["HeldPermit", "find_plannable_sites", "list_permits"]


@dataclass(frozen=True, slots=True)
class HeldPermit:
    """The current state of a permit: ``valid_to`` is the day before its withdrawal, if any."""

    id: str
    of: str
    subject: str
    valid_from: date
    valid_to: date
    withdrawn: bool

    def holds_on(self, day: date) -> bool:
        """Return whether it is valid on a day."""
        return self.valid_from <= day <= self.valid_to

    def state_on(self, day: date) -> str:
        """Return valid, withdrawn, ended or not_yet."""
        if self.withdrawn:
            return "withdrawn"
        if self.holds_on(day):
            return "valid"
        return "ended" if self.valid_to < day else "not_yet"


def list_permits(situation: Situation, operator: Operator) -> tuple[HeldPermit, ...]:
    """Return every permit whose subject is known: the operator's table first, then the events."""
    return tuple(_iter_permits(situation, operator))


def _iter_permits(situation: Situation, operator: Operator) -> Iterator[HeldPermit]:
    tz = zone(operator.row.time_zone)
    ends = {
        name: permit.withdrawn_at.astimezone(tz).date()
        for name, permit in situation.permits.items()
        if permit.withdrawn_at is not None
    }
    for row in operator.authorisations:
        yield _build_permit(row.id, row.kind, row.subject, row.valid_from, row.valid_to, ends)
    for name, permit in situation.permits.items():
        grant = permit.grant
        subject = grant and (grant.site or grant.vehicle or grant.agent)
        if grant and subject:
            yield _build_permit(name, grant.of, subject, grant.valid_from, grant.valid_to, ends)


def _build_permit(
    name: str, of: str, subject: str, first: date, last: date, ends: dict[str, date]
) -> HeldPermit:
    if name in ends:
        last = min(last, date.fromordinal(ends[name].toordinal() - 1))
    return HeldPermit(name, of, subject, first, last, withdrawn=name in ends)


def find_plannable_sites(
    situation: Situation, operator: Operator, rules: SituationRules, day: date
) -> tuple[str, ...]:
    """Return the sites that may be planned on a day, closed or not: none lacks a permit it needs.

    A site needs one where a rule in force asks for it; and, as in the operator's own table,
    everywhere as soon as the table holds a permit for any site.
    """
    permits = list_permits(situation, operator)
    held = {permit.subject for permit in permits if permit.of == "site" and permit.holds_on(day)}
    kept = any(row.kind == "site" for row in operator.authorisations)
    return tuple(
        site.id
        for site in operator.sites
        if site.id in held or not (kept or rules.in_force(AuthorisationRule, day, site))
    )
