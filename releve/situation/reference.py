"""The reference of events, refusals, notices and rules, written from their own declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from types import NoneType
from typing import Any, get_args, get_origin

from releve.situation.alerts import NOTICES
from releve.situation.catalogue import KINDS
from releve.situation.charter import Charter
from releve.situation.event import Event, MeasureFinding
from releve.situation.fields import EventField, list_fields
from releve.situation.refusal import REFUSALS
from releve.situation.rules import PARAMETERS, SituationRule, SituationRules

__all__ = ["write_reference"]

_INTRODUCTION = """\
# What happens, and what the rules answer

*Written by `scripts/docs` from the declarations in the code and the shipped rules; a test keeps
the two the same.*

What happens is recorded as **events**. They fold into the **situation**: which sites are closed
until when and by whom, who is unavailable until when (never why), what is down, which checks and
permits there are. **Rules**, dated rows, say which event is refused, what is answered, and what is
late. Nothing is rewritten: an event that was wrong is corrected by another that names it.

## The two dates of an event

`happened_at` is when it happened, `recorded_at` when it was recorded. An event may not be dated
ahead of the record by more than the tolerance of the `recording` rule (5 min as shipped), nor lie
more than a year behind it.

- A **case** is dated by when it happened, and never after its record: where the reporter's clock
  runs ahead, the record counts. A case reported late counts on its own date.
- A **closure** starts with its order, `happened_at` of `site.closed`. A rule orders when it
  answers, so its hours count from the record of the case that closes, not from the date of a case.
- Rules are those of the day, in the time of the site: a closure by those of the day of the order, a
  reopening by those of the day of each order it lifts, a check by those of the day checked.

## The order of record

The acts on one site (`site.closed`, `closure.extended`, `reopening.checked`, `reopening.approved`,
`site.reopened`) fold in the order of record, as each was judged after those before it. Everything
else is put in the order in which it happened: a late record changes the situation as if it had come
in time, whatever came in between. The same event (the same `id`) recorded twice counts once.

## The closure rule

*n* confirmed agents of one site within *d* days close the whole site for at least *h* hours (2, 14
and 48 as shipped, from a single account; the parameters are a row's).

- Days are of 24 hours, both ends included: two cases exactly 14 days apart close, a minute more and
  they do not. The last of them lies within the same days before now: cases that are long over when
  they are reported close nothing.
- A case counts for the site its report names, wherever the agent belongs or goes later.
- An agent counts once: a further report within *d* days of the one that counts is the same case and
  keeps its date.
- Contacts do not count. A cleared case still counts: it was confirmed. A corrected one does not: it
  did not happen.
- A set closes only if one of its cases has not been answered for: it was recorded after the last
  reopening of a site that a rule had closed. With `earlier_cases_count` the cases before it count
  together with it, otherwise a full set of new ones is needed.
- A further case while the site is closed changes nothing, unless `further_case_hours` says so: then
  the site stays closed that long from its record, and approvals given so far are void.
- A rule joins a closure of another cause; the site then opens when both allow it.
- A correction of a case does not lift the closure it led to; people reopen the site, or correct the
  order. A corrected order is not given again for the same case.

A **reopening** needs the earliest time to be over, the checklist done, and two different people's
yes (`reopening.approved`, each by its actor), which can be given once the checklist is done.
An order that closes a site, or keeps it closed, is **corrected** on the same terms, by people or
programs alike.

A case is **cleared** by an event that names the case's event, its agent and its site. Any other
clearing is refused in the same words, and a second report of a case is accepted like the first: no
answer tells who has a measure. A drill starts without the real cases.

## Who sees what

A field marked *personal* names or concerns a person: it is kept beside the ledger and erased on its
day (the `retention` rule); the event then reads back with that field empty. A field marked *health*
is for the health officer alone. Clusters and contacts are for the health officer alone. Planning
receives `unavailable` (agent, until) and `lost_places` (site or carrier, until, whether its people
may only work at home), which hold no value about health.
"""


def write_reference(rules: SituationRules) -> str:
    """Return the reference as Markdown: events, refusals, notices, rules and charters."""
    parts = [_INTRODUCTION, *_write_events(), *_write_sentences("Refusals", REFUSALS.items())]
    parts += [
        *_write_sentences("Notices", NOTICES.items()),
        *_write_kinds(),
        *_write_rows(rules.rows),
    ]
    parts += [part for charter in rules.charters for part in _write_charter(charter)]
    return "\n".join(parts) + "\n"


def _write_events() -> Iterator[str]:
    yield "## Events\n"
    yield "Every event has these fields, and those of its kind."
    yield _write_table(list_fields(Event))
    common = {field.name for field in list_fields(Event)}
    for kind in sorted(KINDS):
        yield f"### {kind}\n\n{KINDS[kind].doc}"
        yield _write_table(field for field in list_fields(KINDS[kind]) if field.name not in common)
    yield "### A finding\n\nOne item of the findings of a check or an inspection."
    yield _write_table(list_fields(MeasureFinding))


def _write_table(fields: Iterable[EventField]) -> str:
    lines = ["", "| field | value | needed | marked | meaning |", "|---|---|---|---|---|"]
    for field in fields:
        marks = [name for name in ("personal", "health") if getattr(field, name)]
        needed = "yes" if field.required else ""
        cells = (f"`{field.name}`", _describe_value(field), needed, ", ".join(marks), field.doc)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


_NAMES: dict[Any, str] = {
    str: "text",
    bool: "truth",
    int: "whole number",
    float: "number",
    date: "day",
    datetime: "time",
}


def _describe_value(field: EventField) -> str:
    """Return in words what a field holds."""
    if field.condition.one_of:
        return " or ".join(f"`{value}`" for value in field.condition.one_of)
    types = get_args(field.type) or (field.type,)
    wanted: Any = next(type_ for type_ in types if type_ is not NoneType)
    name = _NAMES.get(wanted) or str(wanted.__name__).lower()
    return f"list of {name}" if get_origin(field.type) is tuple else name


def _write_sentences(title: str, sentences: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"## {title}\n\n| code | sentence |\n|---|---|"
    yield from (f"| `{code}` | {sentence} |" for code, sentence in sentences)
    yield ""


def _write_kinds() -> Iterator[str]:
    yield "## Kinds of rules\n"
    for kind, parameters in PARAMETERS.items():
        yield f"### {kind}\n\n{parameters.doc}\n"
        yield from (
            f"- `{f.name}`: {f.doc} (default {_format_value(f.default)})"
            for f in list_fields(parameters)
        )
        yield ""


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(getattr(item, "id", str(item)) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _write_rows(rows: Iterable[SituationRule]) -> Iterator[str]:
    yield "## The shipped rows\n"
    for row in rows:
        last = row.valid_to or "until a row ends it"
        yield f"### {row.id}\n\n{row.text}\n"
        yield f"- kind {row.parameters.kind}, {row.basis}, from {row.valid_from} to {last}"
        names = [field.name for field in list_fields(type(row.parameters))]
        own = [f"{name} {_format_value(getattr(row.parameters, name))}" for name in names]
        yield from ([f"- {'; '.join(own)}"] if own else [])
        yield f"- source: {row.source}\n- how sure: {row.confidence}\n"


def _write_charter(charter: Charter) -> Iterator[str]:
    yield f"## Charter {charter.id}, version {charter.version}, from {charter.valid_from}\n"
    yield f"{charter.source}\n"
    for axis in charter.axes:
        yield f"### {axis.title}\n"
        for measure in (measure for measure in charter.measures if measure.axis == axis.id):
            yield f"- `{measure.id}`{' (daily)' if measure.daily else ''}: {measure.text}"
        yield ""
