"""The day on which the personal values of an event are erased."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from releve.network import Operator
from releve.situation.catalogue import personal_fields
from releve.situation.event import Event
from releve.situation.events import AgentUnavailable, CaseDeclared
from releve.situation.events_control import AgentsPresent, AuthorisationGranted
from releve.situation.refusal import to_local_day
from releve.situation.rule_kinds import AbsenceRule, RetentionRule
from releve.situation.rules import SituationRules

__all__ = ["compute_erasure_day"]


def compute_erasure_day(event: Event, operator: Operator, rules: SituationRules) -> date | None:
    """Return the day on which an event's personal values are erased; None = it has none.

    A measure, an absence or a permit: a number of days after its last day; without a known end,
    after it happened, which the retention job postpones while it lasts.
    """
    if not any(getattr(event, name) for name in personal_fields(event.kind)):
        return None
    site = operator.site.get(getattr(event, "site", ""))

    def local_day(at: datetime) -> date:
        return to_local_day(at, site.id if site else "", operator)

    rule = rules.one(RetentionRule, local_day(event.recorded_at), site) or RetentionRule()
    after = timedelta(days=rule.measure_days)
    if isinstance(event, CaseDeclared):
        first = event.since or local_day(event.happened_at)
        absence = rules.one(AbsenceRule, first, site) or AbsenceRule()
        return absence.last_day(event.status, first, event.until) + after
    if isinstance(event, AgentUnavailable):
        return local_day(event.until or event.happened_at) + after
    if isinstance(event, AuthorisationGranted):
        return event.valid_to + after
    if isinstance(event, AgentsPresent):
        return event.day + timedelta(days=rule.attendance_days)
    return local_day(event.happened_at) + timedelta(days=rule.other_days)
