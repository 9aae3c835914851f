"""Notices of what is late, missing or ending soon: the work list of the Now page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from releve.network import UTC, Operator, Site, day_bounds
from releve.situation.audits import list_findings
from releve.situation.closure_ground import find_lost_ground
from releve.situation.events_control import CheckDone
from releve.situation.head_counts import compute_fill
from releve.situation.label import compute_label
from releve.situation.presence import find_plannable_sites, list_permits
from releve.situation.refusal import ValidationContext, fill_sentence
from releve.situation.rule_kinds import DailyCheckRule, NoticeRule, SituationRules, TransportRule
from releve.situation.situation import Situation
from releve.situation.standings import EXPIRED, compute_standings
from releve.situation.validation import merge_reopening_terms

NOTICES: Mapping[str, str] = {
    "check.late": "The daily check of {site} for {day} is late: it was due at {due}.",
    "check.missing": "The daily check of {site} for {day} is missing.",
    "check.incomplete": "The daily check of {site} for {day} left out {measures}.",
    "check.not_kept": "{site} did not keep {measures} on {day}.",
    "check.transport": "A shuttle of {site} was filled to {fill} of its seats on {day}; {most} is allowed.",
    "authorisation.expiring": "The authorisation {authorisation} of {subject} ends on {day}.",
    "authorisation.expired": "The authorisation {authorisation} of {subject} ended on {day}, and no other is valid.",
    "site.not_plannable": "{site} has no valid authorisation and is not planned.",
    "closure.lost_ground": "A record on which the closure of {site} rests was corrected: a second person lifts it"
    " at once, without its least time.",
    "closure.ending": "{site} may open from {earliest}.",
    "closure.over": "The minimum duration of the closure of {site} ended at {earliest}; it is still closed.",
    "reopening.checklist": "Before {site} opens, this must be done: {items}.",
    "reopening.approvals": "{given} of {needed} people have approved the reopening of {site}.",
    "absence.over": "An agent of {site} could be back since {until}; confirm it.",
    "outage.overdue": "{name} ({what}) was expected back at {expected_until} and is still down.",
    "audit.not_met": "The auditor found that {site} does not meet {measures}.",
    "audit.expiring": "The verdict on {measure} for {site} ends on {day}.",
    "audit.expired": "The verdict on {measure} for {site} ended on {day}.",
    "finding.raised": "{site}: the finding on {measure} ({severity}) waits for an answer; it is due on {day}.",
    "finding.answered": "{site}: the answer to the finding on {measure} waits for another person to"
    " verify it; it is due on {day}.",
    "finding.overdue": "{site}: the finding on {measure} ({severity}) was due on {day} and is still open.",
    "measure.expiring": "{site}: what shows {measures} is too old from {day} on; check it before.",
    "measure.expired": "{site}: what shows {measures} is too old; check it.",
    "label.falling": "The label of the charter falls on {day} if nothing is done ({why}).",
}
"""The sentence of each code; its braces are filled from the notice's parameters."""
_CHARTER = ("authorisation.", "measure.", "audit.", "finding.", "label.", "site.not_plannable")


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, which names no person; ``site`` is empty when it concerns no single site.

    ``due_at`` sorts the notices: when the matter is due, ends or was missed.
    """

    code: str
    site: str
    due_at: datetime
    params: Mapping[str, object] = field(default_factory=dict)

    def sentence(self) -> str:
        return fill_sentence(NOTICES[self.code], {"site": self.site or "the operator", **self.params})


def list_charter_notices(
    situation: Situation, operator: Operator, rules: SituationRules, now: datetime
) -> Iterator[Notice]:
    """Yield the notices about permits, evidence, findings and the label; none names a person."""
    for row in list_notices(situation, operator, rules, now):
        if row.code.startswith(_CHARTER):
            params = {name: value for name, value in row.params.items() if name != "agent"}
            yield replace(row, params=params)


def list_notices(situation: Situation, operator: Operator, rules: SituationRules, now: datetime) -> tuple[Notice, ...]:
    """Return the notices of a situation, the most overdue first."""
    found: list[Notice] = []
    context = ValidationContext(situation, operator, rules)
    for site in operator.sites:
        found += _find_check_alerts(context, site, now)
        found += _find_closure_alerts(context, site, now)
    found += _find_permit_alerts(context, now)
    found += _find_audit_alerts(context, now)
    found += _find_overdue(context, now)
    found += _find_charter_alerts(context, now)
    return tuple(sorted(found, key=lambda notice: (notice.due_at, notice.code, notice.site)))


def _find_check_alerts(context: ValidationContext, site: Site, now: datetime) -> Iterator[Notice]:
    """Yield a site's missing checks, by its own days, and the measures wanting at its last check.

    A check is required for each day since the first record on which the site was open for a time.
    """
    today = context.day(now, site.id)
    rule = context.rules.one(DailyCheckRule, today, site)
    begun = context.day(context.situation.first_recorded_at or now, site.id)
    back = 0 if rule is None else min(rule.look_back_days, max(0, (today - begun).days))
    last: CheckDone | None = None
    for day in (today - timedelta(days=number) for number in range(back, -1, -1)):
        check = context.situation.checks.get((site.id, day.isoformat()))
        last = check or last
        if check is None:
            yield from _find_missing_check(context, site, day, now)
    if last is not None:
        yield from _find_wanting_measures(context, last, site)


def _find_missing_check(context: ValidationContext, site: Site, day: date, now: datetime) -> Iterator[Notice]:
    """Yield the check that a day lacks, if the rules of that day ask for one."""
    rule = context.rules.one(DailyCheckRule, day, site)
    if rule is None or day.weekday() not in rule.days:
        return
    start, end = day_bounds(day, site.time_zone)
    due = start + timedelta(hours=rule.due_hour)
    if now < due or not _open_during(context.situation, site, day, now):
        return
    if now < end:
        yield Notice("check.late", site.id, due, {"day": day, "due": due})
    else:
        yield Notice("check.missing", site.id, end, {"day": day})


def _open_during(situation: Situation, site: Site, day: date, now: datetime) -> bool:
    """Return whether a site was open for some time of a day, as far as it has passed."""
    start, end = day_bounds(day, site.time_zone)
    state, reached = situation.site(site.id), start
    closures = (*state.past, *([state.closure] if state.closure else []))
    for closure in sorted(closures, key=lambda closure: closure.ordered_at):
        if closure.ordered_at > reached:
            break
        reached = max(reached, closure.reopened_at or now)
    return reached < min(end, now)


def _find_wanting_measures(context: ValidationContext, check: CheckDone, site: Site) -> Iterator[Notice]:
    """Yield the measures that a check found wanting, and the daily measures it left out."""
    charter = context.rules.charter(check.day)
    seen = {finding.measure for finding in check.findings}
    daily = () if charter is None else charter.measures
    left = [measure.id for measure in daily if measure.daily and measure.id not in seen]
    wanting = [finding.measure for finding in check.findings if finding.verdict == "not_kept"]
    for code, measures in (("check.incomplete", left), ("check.not_kept", wanting)):
        if measures:
            params = {"measures": tuple(measures), "day": check.day}
            yield Notice(code, site.id, check.happened_at, params)
    rule = context.rules.one(TransportRule, check.day, site)
    fill = compute_fill(check, context.operator)
    if rule and fill is not None and fill > rule.most_fill:
        fills = {"fill": fill, "most": rule.most_fill, "day": check.day}
        yield Notice("check.transport", site.id, check.happened_at, fills)


def _find_closure_alerts(context: ValidationContext, site: Site, now: datetime) -> Iterator[Notice]:
    """Yield the open terms of a closed site's reopening, once its earliest time is near."""
    closure = context.situation.site(site.id).closure
    if closure is None:
        return
    args = (context.situation, site.id, context.operator, context.rules, now)
    lost = find_lost_ground(*args) if closure.rule_order is not None else None
    if lost is not None:
        yield Notice("closure.lost_ground", site.id, lost.corrections[-1].recorded_at)
    earliest = closure.earliest_reopening or closure.ordered_at
    near = timedelta(hours=_notice_rule(context, now).closure_hours)
    if now < earliest - near:
        return
    if closure.earliest_reopening is not None:
        code = "closure.ending" if now < earliest else "closure.over"
        yield Notice(code, site.id, earliest, {"earliest": earliest})
    terms = merge_reopening_terms(closure, site.id, context.operator, context.rules)
    items = [item for item in terms.items if item not in dict(closure.done)]
    if items:
        yield Notice("reopening.checklist", site.id, earliest, {"items": tuple(items)})
    given = len(closure.approvals)
    if given < terms.approvals:
        params = {"given": given, "needed": terms.approvals}
        yield Notice("reopening.approvals", site.id, earliest, params)


def _find_permit_alerts(context: ValidationContext, now: datetime) -> Iterator[Notice]:
    """Yield permits that end soon or ended, where no later one of the subject takes over."""
    today = context.day(now)
    soon = today + timedelta(days=_notice_rule(context, now).authorisation_days)
    permits = list_permits(context.situation, context.operator)
    last: dict[tuple[str, str], date] = {}
    for permit in permits:
        key = (permit.of, permit.subject)
        last[key] = max(last.get(key, permit.valid_to), permit.valid_to)
    for permit in permits:
        if permit.valid_to > soon or permit.valid_to < last[permit.of, permit.subject]:
            continue
        code = "authorisation.expired" if permit.valid_to < today else "authorisation.expiring"
        subject = permit.subject if permit.of != "agent" else "an agent"
        params = {"authorisation": permit.id, "subject": subject, "day": permit.valid_to}
        site = permit.subject if permit.of == "site" else ""
        yield Notice(code, site, _find_day_end(context, permit.valid_to, site), params)
    planned = find_plannable_sites(context.situation, context.operator, context.rules, today)
    for site_id in sorted({site.id for site in context.operator.sites} - set(planned)):
        yield Notice("site.not_plannable", site_id, now)


def _find_audit_alerts(context: ValidationContext, now: datetime) -> Iterator[Notice]:
    """Yield the auditor's verdicts that are not met, end soon or ended, and open findings."""
    for found in list_findings(context.situation):
        raised = found.raised
        if found.closing is None:
            over = raised.due < context.day(now, raised.site)
            state = "answered" if found.state == "answered" else "raised"
            params = {"measure": raised.measure, "severity": raised.severity, "day": raised.due}
            at = _find_day_end(context, raised.due, raised.site)
            yield Notice(f"finding.{'overdue' if over else state}", raised.site, at, params)
    soon = context.day(now) + timedelta(days=_notice_rule(context, now).audit_days)
    for (site, measure), verdict in context.situation.audits.items():
        if verdict.verdict == "not_met":
            yield Notice("audit.not_met", site, verdict.happened_at, {"measures": (measure,)})
        if verdict.valid_to <= soon:
            over = verdict.valid_to < context.day(now, site)
            code = "audit.expired" if over else "audit.expiring"
            params = {"measure": measure, "day": verdict.valid_to}
            yield Notice(code, site, _find_day_end(context, verdict.valid_to, site), params)


def _find_charter_alerts(context: ValidationContext, now: datetime) -> Iterator[Notice]:
    """Yield measures whose evidence is too old now or tomorrow, and a label that falls soon."""
    today, tomorrow = context.day(now), context.day(now) + timedelta(days=1)
    args = (context.situation, context.operator, context.rules)
    grid = compute_standings(*args, today, 2, until=today)
    for site, values in zip(grid.sites, grid.values, strict=True):
        if context.situation.site(site).closure is not None:
            continue
        old, soon = values[:, 0] == EXPIRED, values[:, 1] == EXPIRED
        for code, which, day in (("measure.expired", old, today), ("measure.expiring", soon & ~old, tomorrow)):
            measures = tuple(name for name, hit in zip(grid.measures, which, strict=True) if hit)
            if measures:
                at = _find_day_end(context, day - timedelta(days=1), site)
                yield Notice(code, site, at, {"measures": measures, "day": day})
    label = compute_label(*args, today)
    if label is not None and label.falls_on is not None:
        ages = set(label.because) <= {"audit", "visit", "finding"}
        ahead = _notice_rule(context, now).audit_days if ages else 1
        if label.falls_on <= today + timedelta(days=ahead):
            at = _find_day_end(context, label.falls_on - timedelta(days=1), "")
            yield Notice("label.falling", "", at, {"day": label.falls_on, "why": label.because})


def _find_overdue(context: ValidationContext, now: datetime) -> Iterator[Notice]:
    """Yield agents whose absence ended unconfirmed, and outages that last longer than expected."""
    recent = now - timedelta(days=_notice_rule(context, now).absence_days)
    for agent, absences in context.situation.absences.items():
        last = max(absences, key=lambda absence: absence.until or datetime.max.replace(tzinfo=UTC))
        if last.until is not None and not last.back and recent <= last.until <= now:
            row = context.operator.agent.get(agent)
            site = row.home_site if row else ""
            yield Notice("absence.over", site, last.until, {"until": last.until})
    for (what, name), outage in context.situation.outages.items():
        due = outage.expected_until
        if due is not None and due <= now:
            site_id = "" if what == "carrier" else name
            params = {"what": what, "name": name, "expected_until": due}
            yield Notice("outage.overdue", site_id, due, params)


def _notice_rule(context: ValidationContext, now: datetime) -> NoticeRule:
    return context.rules.one(NoticeRule, context.day(now)) or NoticeRule()


def _find_day_end(context: ValidationContext, day: date, site: str) -> datetime:
    found = context.site(site)
    name = context.operator.row.time_zone if found is None else found.time_zone
    return day_bounds(day, name)[1]
