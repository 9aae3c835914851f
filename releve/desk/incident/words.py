"""The first tasks, steps and log of an incident in words; template filters of its pages."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.filters import add_words
from releve.desk.ledger.words import translate_actor
from releve.desk.live.timeline import TimelineEntry, TimelineLine, moment
from releve.desk.live.words import role_word
from releve.desk.text import NO_BREAK, text_now
from releve.live.api import ResponseStep
from releve.network import Operator

register = Library()

OWN_ENTRIES = {
    "incident.opened": lazy("The incident room was opened by {actor}."),
    "incident.role_taken": lazy("{actor} takes the role: {role}."),
    "incident.decided": lazy("{actor} decides: {decision} Why: {reason}"),
    "incident.task_set": lazy("To do by {owner}: {task}"),
    "incident.task_done": lazy("{actor} has done: {task}"),
    "incident.noted": lazy("{actor}: {note}"),
    "incident.reviewed": lazy("{actor} wrote the review."),
    "incident.closed": lazy("{actor} closed the incident. {note}"),
}
_STEPS = {
    "closed": lazy("closure recorded"),
    "opened": lazy("incident opened"),
    "relief_made": lazy("first relief made"),
    "routes_published": lazy("routes published"),
    "messages_written": lazy("messages written"),
    "first_acknowledged": lazy("first acknowledgement"),
    "last_acknowledged": lazy("last acknowledgement so far"),
    "reopened": lazy("site reopened"),
}


register.filter(role_word)
add_words(register, "step_name", _STEPS)


@register.filter
def step_detail(row: ResponseStep) -> str:
    """Return how many there are, of the last one of several."""
    if row.count is None:
        return ""
    return _("{count} in all").format(count=text_now("UTC").number(row.count))


@register.filter
def step_duration(row: ResponseStep) -> str:
    """Return the time since the event: ``1,2 s``, ``3 min 05 s``, ``48 h 02 min``."""
    if not row.seconds:
        return ""
    if row.seconds < 60:
        return text_now("UTC").seconds(max(0.0, row.seconds))
    minutes, rest = divmod(round(row.seconds), 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{rest:02d}{NO_BREAK}s"
    return f"{minutes // 60}{NO_BREAK}h{NO_BREAK}{minutes % 60:02d}{NO_BREAK}min"


@register.filter
def log_line(row: TimelineEntry, operator: Operator) -> TimelineLine:
    """Return an entry of the log as a line."""
    said = OWN_ENTRIES.get(row.kind)
    words = {"role": "", "owner": "", "task": "", "decision": "", "reason": "", "note": ""}
    words |= row.params
    words["actor"] = translate_actor(words.get("actor", ""))
    words |= {name: role_word(words[name]) for name in ("role", "owner") if words[name]}
    decision = words["decision"]
    if decision and not decision.endswith((".", "!", "?", "…")):
        words["decision"] = f"{decision}."
    sentence = "" if said is None else str(said).format_map(words).strip()
    text = text_now(operator.row.time_zone)
    return moment(row.kind, row.at, row.params, operator, text, sentence)
