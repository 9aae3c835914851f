"""The sentences of what is late and of what is refused, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.utils.translation import gettext_lazy as lazy

from releve.desk.presenters.text import Text
from releve.network import Operator
from releve.network.clock import zone
from releve.situation import Notice, Refusal

__all__ = ["notice_text", "refusal_text", "when"]

_NOTICES = {
    "check.late": lazy("The daily check of {site} for {day} is late: it was due on {due}."),
    "check.missing": lazy("The daily check of {site} for {day} is missing."),
    "check.incomplete": lazy("The daily check of {site} for {day} left out {measures}."),
    "check.not_kept": lazy("{site} did not keep {measures} on {day}."),
    "check.transport": lazy("A shuttle of {site} was fuller on {day} than is allowed."),
    "authorisation.expiring": lazy("The authorisation {authorisation} of {subject} ends on {day}."),
    "authorisation.expired": lazy(
        "The authorisation {authorisation} of {subject} ended on {day}, and no other holds."
    ),
    "site.not_plannable": lazy("{site} has no valid authorisation and is not planned."),
    "closure.ending": lazy("{site} may open from {earliest}."),
    "closure.over": lazy(
        "The least time of the closure of {site} ended at {earliest}; it is still closed."
    ),
    "reopening.checklist": lazy("Before {site} opens, its checklist must be done."),
    "reopening.approvals": lazy("{given} of {needed} people said yes to opening {site}."),
    "absence.over": lazy("Somebody of {site} could be back since {until}; confirm it."),
    "outage.overdue": lazy("{name} was expected back at {expected_until} and is still down."),
    "audit.not_met": lazy("The auditor found that {site} does not meet {measures}."),
    "audit.expiring": lazy("The verdict on {measure} for {site} ends on {day}."),
    "audit.expired": lazy("The verdict on {measure} for {site} ended on {day}."),
}

_REFUSALS = {
    "event.same": lazy("The same is already on record; nothing is recorded twice."),
    "date.future": lazy(
        "{happened_at} is ahead of the clock ({recorded_at}); mend the date or the clock."
    ),
    "date.too_old": lazy("{happened_at} is more than {days} days ago; mend the year."),
    "site.unknown": lazy("There is no such site; choose one of the list."),
    "agent.unknown": lazy("There is no agent {agent}; check the pseudonym."),
    "measure.unknown": lazy("The charter in force has no measure {measure}."),
    "measure.twice": lazy("The measure {measure} stands there twice; keep one."),
    "case.dates": lazy("The measure ends on {until}, before it starts on {since}; mend the dates."),
    "case.too_long": lazy(
        "The measure ends on {until}, more than a year after {since}; mend the dates."
    ),
    "case.since": lazy("The measure starts on {since}, a year or more from {day}; mend the date."),
    "case.nothing_to_clear": lazy(
        "This is not the number of a case of this agent and site that can be cleared; the page of"
        " the case gives it."
    ),
    "approval.tied": lazy(
        "{other} said yes already, and one of you gave the other’s access: a third person must."
    ),
    "case.names_case": lazy("Only a clearing names a case; leave it empty."),
    "closure.closed_already": lazy("{site} is closed since {since}; extend the closure instead."),
    "closure.past": lazy("{site} was closed until {reopened}; a new order comes after that."),
    "closure.open": lazy("{site} is open; there is no closure to change or to lift."),
    "closure.cause": lazy("Say which authority ordered the closure."),
    "closure.rule": lazy("Only a rule closes by rule; choose authority, hazard or operator."),
    "closure.earliest": lazy(
        "The earliest reopening {earliest} is not after the order {ordered}; mend the date."
    ),
    "closure.before": lazy("{site} was closed at {ordered}, after {happened_at}; mend the date."),
    "reopening.too_early": lazy("{site} may not open before {earliest}; wait until then."),
    "reopening.checklist": lazy("The checklist is not done yet; do and record each item first."),
    "reopening.approvals": lazy(
        "{given} of {needed} different people said yes; {missing} more must."
    ),
    "reopening.unknown_item": lazy("The checklist has no such item."),
    "reopening.item_done": lazy("This item is done already, recorded by {by}."),
    "approval.same_person": lazy("You said yes already; another person must."),
    "check.day": lazy("The day checked, {day}, is not over or running at the site; mend the day."),
    "check.empty": lazy("The check says nothing of any measure; look at one at least."),
    "outage.place": lazy("Name a site or a carrier, one of the two."),
    "outage.down_already": lazy("It is down since {since}; record when it is back."),
    "outage.not_down": lazy("It is not down; there is nothing to end."),
    "outage.expected": lazy("It is expected back before it went down; mend the date."),
    "tests.counts": lazy("{positive} positive of {tested} tested; mend the counts."),
    "tests.inspection": lazy("There is no such inspection at that site; leave it empty."),
    "authorisation.dates": lazy("It is valid to {valid_to}, before {valid_from}; mend the dates."),
    "authorisation.taken": lazy(
        "The authorisation {authorisation} is on record already; give the number of the new one."
    ),
    "attendance.counts": lazy(
        "{count} present, but {agents} are named; mend the one or the other."
    ),
    "attendance.twice": lazy("Agent {agent} is named twice; keep one."),
    "incident.open_already": lazy("This closure has an incident room: {title}; work there."),
    "incident.closed": lazy(
        "The incident was closed by {by}; open another, or write it in the review."
    ),
    "incident.role_held": lazy("You hold this role already."),
    "incident.nothing_said": lazy("Say it in words."),
    "incident.tasks_open": lazy(
        "{count} tasks are not done; do them first, or set them in the review as what follows."
    ),
    "task.unknown": lazy("There is no such task in this incident."),
    "task.done_already": lazy("The task is done already, recorded by {by}."),
    "task.due": lazy("The task is due on {due}, before it was set; mend the date."),
    "audit.expiry": lazy("The verdict holds until {valid_to}, before it was given; mend the date."),
}


def notice_text(notice: Notice, operator: Operator, text: Text) -> str:
    """Return what is late or ending, in a sentence without a person in it."""
    site = _site(notice.site, operator) if notice.site else operator.row.name
    return str(_NOTICES[notice.code]).format_map({"site": site, **_said(notice.params, text)})


def refusal_text(refusal: Refusal, operator: Operator, text: Text) -> str:
    """Return why something is not recorded, and what to do about it."""
    found = _REFUSALS.get(refusal.code)
    if found is None:
        return refusal.sentence()
    words = _said(refusal.params, text)
    site = refusal.params.get("site")
    if isinstance(site, str):
        words["site"] = _site(site, operator)
    return str(found).format_map(words)


def when(at: datetime, text: Text) -> str:
    """Return an instant as in a sentence: ``mardi 1er décembre 2026, 10 h 30``."""
    day = at.astimezone(zone(text.time_zone)).date()
    return f"{text.day(day)}, {text.time(at)}"


def _said(params: Mapping[str, object], text: Text) -> dict[str, object]:
    return {name: _value(value, text) for name, value in params.items()}


def _value(value: object, text: Text) -> object:
    if isinstance(value, datetime):
        return when(value, text)
    if isinstance(value, date):
        return text.day(value)
    return text.number(value) if isinstance(value, int) else value


def _site(site: str, operator: Operator) -> str:
    found = operator.site.get(site)
    return site if found is None else found.name
