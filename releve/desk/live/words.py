"""Notices, refusals and the entries of a log in the reader's language.

The sentences are those of :mod:`releve.situation`, translated by the catalogue; only the way in
which parameters are written stands here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.template import Library
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as lazy

from releve.desk.ledger import describe_late_record, translate_actor, translate_field, translate_kind
from releve.desk.text import Text, text_now, translate_phrase
from releve.errors import Phrase
from releve.live import api as live
from releve.network import Operator
from releve.network.moments import zone
from releve.plan.work_changes import decode_kinds, phrase_kinds
from releve.situation import NOTICES, REFUSALS, EventRefusal, Notice
from releve.situation.refusal import SHARES

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

    from releve.desk.live.page import ReopeningPage

register = Library()
ROLES: Mapping[str, StrPromise] = {
    "lead": lazy("incident lead"),
    "telephony": lazy("telephony"),
    "people": pgettext_lazy("incident role", "people"),
    "clients": lazy("contact with the clients"),
    "health": pgettext_lazy("incident role", "health"),
    "sites": pgettext_lazy("incident role", "sites"),
    "outbound": lazy("outbound calls"),
}
"""Role of an incident -> what it is called."""
WHY_WORDS: Mapping[str, StrPromise] = {
    "major": lazy("an unproven major measure"),
    "minor": lazy("too many unproven minor measures"),
    "finding": lazy("an auditor’s major finding that is overdue"),
    "audit": lazy("no auditor’s verdict that is recent enough"),
    "visit": lazy("no drawn visit that is recent enough"),
}
"""Why a label does not stand."""
_WORDS: Mapping[str, Mapping[str, StrPromise]] = {
    "what": {"carrier": lazy("home lines"), "link": lazy("link"), "power": lazy("power")},
    "subject": {"an agent": lazy("an agent")},
    "party": {"operator": lazy("operator"), "commission": lazy("commission")},
    "severity": {"major": lazy("major"), "minor": lazy("minor")},
    "why": WHY_WORDS,
    "role": ROLES,
}
"""Values of parameters that are words, by parameter."""

HAZARD_WORDS: Mapping[str, StrPromise] = {
    "earthquake": lazy("closed after an earthquake"),
    "fire": lazy("closed after a fire"),
    "flood": lazy("closed after a flood"),
    "storm": lazy("closed after a storm"),
    "blocked": lazy("closed, access blocked"),
}
"""Kind of a hazard -> a site's state by it; another kind is an incident."""
_CAUSES: Mapping[str, StrPromise] = {
    **HAZARD_WORDS,
    "rule": lazy("closed by the rule on cases"),
    "authority": lazy("closed by an authority"),
    "hazard": lazy("closed after an incident"),
    "operator": lazy("closed by the operator"),
    "power": lazy("no power"),
    "link": lazy("its link is down"),
}

_MOST_NAMED_MEASURES = 2
"""More of them are counted: each is named by what it asks, a sentence."""
_COUNTS = ("moved", "agents", "unaddressed", "count")
"""Parameters of a log that are numbers."""
_FIELDS = frozenset({"missing", "of", "what"})
"""Parameters that are names of fields, shown by their labels."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry of a log in words; ``there``: the time on the clocks of its site, where these differ."""

    at: str
    iso: str
    sentence: str
    there: str


@register.filter
def log_line(row: live.LogEntry, operator: Operator) -> LogLine:
    """Return an entry of a log as a line, by the operator's clock; that of its site stands beside where it differs."""
    text, site = text_now(operator.row.time_zone), operator.site.get(row.params.get("site", ""))
    counts = {name: text.number(row.params.get(name, 0)) for name in _COUNTS}
    people = {name: translate_actor(row.params.get(name, "")) for name in ("actor", "by", "holder")}
    words = {**row.params, **counts, **people}
    if "kinds" in words:
        words["kinds"] = translate_phrase(phrase_kinds(decode_kinds(words["kinds"])))
    words["site"] = site.name if site else words.get("carrier") or words.get("site", "")
    words |= {name: str(ROLES[words[name]]) for name in ("role", "owner") if name in words}
    if item := words.get("item"):
        words["item"] = _write_text("item", item, operator, text) + "."
    decision = words.get("decision", "")
    if decision and not decision.endswith((".", "!", "?", "…")):
        words["decision"] = f"{decision}."
    if operator.site.get(words.get("place", "")):
        words["place"] = operator.site[words["place"]].name
    day = row.at.astimezone(zone(text.time_zone)).date()
    local = gettext("{day}, {time}").format(day=text.short_day(day), time=text.clock(row.at))
    there = text.at_site(site.time_zone).clock(row.at) if site else ""
    there = there if there.endswith(")") else ""  # named where its clocks differ
    said = translate_phrase(row.sentence).format_map(words).strip()
    if row.happened is not None:
        said = f"{said} {describe_late_record(row.happened, text)}"
    return LogLine(local, row.at.isoformat(), said, there)


def notice_text(notice: Notice, operator: Operator, text: Text) -> str:
    """Return a notice as a sentence that names no person."""
    site = notice.site or operator.row.name
    return _fill_sentence(NOTICES[notice.code], {"site": site, **notice.params}, operator, text)


def refusal_text(refusal: EventRefusal, operator: Operator, text: Text) -> str:
    """Return why something is not recorded, and how to correct it."""
    return _fill_sentence(REFUSALS[refusal.code], refusal.params, operator, text)


def translate_cause(cause: str, cases: int | None = None, days: float | None = None) -> str:
    """Return who or what closed a site or cut it off; by a rule, with its cases and days where they are known."""
    if cause == "rule" and cases is not None and days is not None:
        within = math.ceil(days)
        return gettext("closed by the rule ({cases} in {days})").format(
            cases=ngettext("{count} case", "{count} cases", cases).format(count=cases),
            days=ngettext("{count} day", "{count} days", within).format(count=within),
        )
    return str(_CAUSES[cause])


def when(at: datetime, text: Text) -> str:
    """Return an instant as in a sentence: ``mardi 1er décembre 2026, 10 h 30``."""
    day = at.astimezone(zone(text.time_zone)).date()
    return f"{text.day(day)}, {text.time(at)}"


@register.filter
def lead_words(lead: live.Lead) -> str:
    """Return who leads, is called or is on call."""
    if lead.state == "unmanned":
        return gettext("No person is on call.")
    name = translate_actor(lead.who)
    if lead.state == "alerted":
        return gettext("{name} is alerted.").format(name=name)
    return (gettext("On call: {name}.") if lead.state == "on_call" else gettext("Who leads: {name}.")).format(name=name)


@register.filter
def site_instant(at: datetime, page: ReopeningPage) -> str:
    """Return an instant by the clocks of the site of a page."""
    return when(at, text_now(page.time_zone).at_site(page.site_zone))


def _fill_sentence(sentence: str, params: Mapping[str, object], operator: Operator, text: Text) -> str:
    values = {name: _write_parameter(name, value, operator, text) for name, value in params.items()}
    return gettext(sentence).format_map(values)


def _write_parameter(name: str, value: object, operator: Operator, text: Text) -> str:
    """Return a parameter as the reader expects it: names for ids, labels, local dates."""
    if isinstance(value, datetime):
        return when(value, text)
    if isinstance(value, date):
        return text.day(value)
    if isinstance(value, Phrase):
        return translate_phrase(value)
    if isinstance(value, float):
        return text.percent(value) if name in SHARES else text.plain(value)
    if isinstance(value, int):
        return text.number(value)
    if name == "measures" and isinstance(value, tuple) and len(value) > _MOST_NAMED_MEASURES:
        count = len(value)
        return ngettext("{count} measure", "{count} measures", count).format(count=count)
    if isinstance(value, tuple):
        return ", ".join(_write_parameter(name.removesuffix("s"), item, operator, text) for item in value)
    return _write_text(name, str(value), operator, text)


def _write_text(name: str, value: str, operator: Operator, text: Text) -> str:
    if name in _WORDS and value in _WORDS[name]:
        return str(_WORDS[name][value])
    if name == "kind":
        return translate_kind(value)
    if name in _FIELDS:
        return translate_field(value)
    rules = live.load_installed_rules()
    if name == "measure" and value in rules.measures:
        asked = text.own(rules.measures[value]).rstrip(".")
        return f"«\u202f{asked}\u202f»" if text.french else f"“{asked}”"
    if name == "item" and value in rules.checklist_items:
        return text.own(rules.checklist_items[value]).rstrip(".")
    if name in ("site", "name") and value in operator.site:
        return operator.site[value].name
    return value
