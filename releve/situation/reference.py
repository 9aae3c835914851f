"""The reference of events, refusals, notices and rules, written from their own declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from types import NoneType
from typing import Any, get_args, get_origin

from releve.situation.alerts import NOTICES
from releve.situation.catalogue import KINDS
from releve.situation.charter import Charter
from releve.situation.event import Event, EventField, MeasureFinding, list_fields
from releve.situation.refusal import REFUSALS
from releve.situation.rule_kinds import PARAMETERS, SituationRule, SituationRules

_INTRODUCTION = """\
# Events and rules

*Written by `scripts/docs` from the declarations in the code and the shipped rules.*

For programs that record or read events, and for those who write rules of an installation.

Everything is recorded as **events**, which fold into the **situation**: sites closed, until when and by
whose order; agents unavailable until when (never why); outages, checks, permits. **Rules**, dated rows, say
which events are refused, what follows from an event and what counts as late. A wrong event is corrected by
another that names it.

## Two dates, one order

`happened_at` is when it happened, `recorded_at` when it was recorded: at most the tolerance of the
`recording` rule apart (5 min ahead as shipped, a year behind).

- A **case** has the date on which it happened, never one after its record.
- A **closure** starts with its order, `happened_at` of `site.closed`. A rule's order is dated by the record
  of the case that closes the site: its hours count from there.
- The rules of the day apply, in the time of the site: to a closure those of the day of the order, to a
  reopening those of the day of each order it lifts, to a check those of the day checked.
- A record is **late** more than 60 minutes after what happened or was seen; of what is about a day, once
  that day has ended at its site. It counts all the same and shows when it was recorded; a charter may ask
  for a timely one.

The acts on one site (`site.closed`, `closure.extended`, `reopening.checked`, `reopening.approved`,
`site.reopened`), those of a plan of draws and of an audit, and the choices of a pack of rules fold in the
order of record. All other events are sorted by when they happened, whatever was recorded in between: an
outage ends at any time at which it lasted, also once a later one is over. An event recorded twice (the same
`id`) counts once.

## The closure rule

None is in force by default: one is a row of the installation, or of a **pack** that the operator chooses for
some days (*Rules of the sites* on the desk, `releve live rules`), within the dates of the pack's rows. A
drill takes over what is chosen, and may choose more for itself.

*n* confirmed agents of one site within *d* days close the whole site for at least *h* hours (2, 14 and 48 in
the pack `health-2020`, from a single account).

- Days are of 24 hours, both ends included. The last case lies within the same days before now: cases
  reported long afterwards close nothing.
- A case counts for the site its report names. An agent counts once: a further report within *d* days is the
  same case and keeps its date.
- Contacts and corrected cases do not count; a cleared case does.
- One of the cases must be recorded after the last reopening of a site that a rule had closed; with
  `earlier_cases_count` those before it count together with it, otherwise a full set of new ones is needed.
- A further case while the site is closed changes nothing, unless `further_case_hours` says so: then the site
  stays closed that long from its record, and approvals given so far are void.
- An order of a rule joins a closure of another cause; the site opens when both allow it.
- When a case is corrected, the closure is judged again. An order that then rests on too few cases is lifted
  at once by a second person, with the correction as its reason, and is not given again for the same case;
  other orders of the closure stay.

A **reopening** needs the earliest time over, the checklist done and, after that, two different people's
`reopening.approved`. An order that closes a site or keeps it closed is **corrected** on the same terms, by
people and by programs.

A case is **cleared** by an event that names the case's event, its agent and its site. Any other clearing is
refused in the same words, and a second report of a case is accepted like the first, so that no answer
reveals who has a measure. A drill starts without the real cases.

## Who sees what

A *personal* field names or concerns a person: it is kept beside the ledger and erased on its day (the
`retention` rule); the event then reads back with it empty. A *health* field, clusters and contacts are for
the health officer alone. Planning receives `unavailable` (agent, until) and `lost_places` (site or carrier,
until, whether its people may only work at home), which hold no value about health.
"""


def write_reference(rules: SituationRules) -> str:
    """Return the reference as Markdown: events, refusals, notices, rules and charters."""
    parts = [_INTRODUCTION, *_write_events(), *_write_refusals()]
    parts += [
        "## Notices\n",
        *(f"- `{code}`: {sentence}" for code, sentence in NOTICES.items()),
        "",
        *_write_kinds(),
        "## The shipped rows\n",
        *_write_rows(rules.rows),
        *_write_packs(rules),
    ]
    parts += [part for charter in rules.charters for part in _write_charter(charter)]
    return "\n".join(parts) + "\n"


def _write_events() -> Iterator[str]:
    yield "## Events\n"
    yield "Every event has these fields, and those of its kind. In brackets: the value, `needed`, the marks.\n"
    yield _write_fields(list_fields(Event))
    common = {field.name for field in list_fields(Event)}
    for kind in sorted(KINDS):
        yield f"### {kind}\n\n{KINDS[kind].doc}\n"
        yield _write_fields(field for field in list_fields(KINDS[kind]) if field.name not in common)
    yield "### A finding\n\nOne item of the findings of a check or an inspection.\n"
    yield _write_fields(list_fields(MeasureFinding))


def _write_fields(fields: Iterable[EventField]) -> str:
    lines = []
    for field in fields:
        marks = [mark for mark in ("personal", "health") if getattr(field, mark)]
        value = [_describe_value(field), *(["needed"] if field.required else []), *marks]
        lines.append(f"- `{field.name}` ({', '.join(value)}): {field.doc}")
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
    if field.condition.one_of:
        return "/".join(f"`{value}`" if value else "empty" for value in field.condition.one_of)
    types = get_args(field.type) or (field.type,)
    wanted: Any = next(type_ for type_ in types if type_ is not NoneType)
    name = _NAMES.get(wanted) or str(wanted.__name__).lower()
    return f"list of {name}" if get_origin(field.type) is tuple else name


def _write_refusals() -> Iterator[str]:
    yield "## Refusals\n"
    yield "The answer to a refused event holds each code with its sentence, which says how to mend it.\n"
    families = groupby(sorted(REFUSALS), key=lambda code: code.partition(".")[0])
    yield from (f"- {', '.join(f'`{code}`' for code in codes)}" for _, codes in families)
    yield ""


def _write_kinds() -> Iterator[str]:
    yield "## Kinds of rules\n"
    for kind, parameters in PARAMETERS.items():
        yield f"### {kind}\n\n{parameters.doc}\n"
        yield from (f"- `{f.name}`: {f.doc} (default {_format_value(f.default)})" for f in list_fields(parameters))
        yield ""


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(getattr(item, "id", str(item)) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _write_rows(rows: Iterable[SituationRule]) -> Iterator[str]:
    for row in rows:
        last = f"to {row.valid_to}" if row.valid_to else "on"
        yield f"### {row.id}\n\n{row.text}\n"
        yield f"- kind {row.parameters.kind}, {row.basis}, from {row.valid_from} {last}"
        names = [field.name for field in list_fields(type(row.parameters))]
        own = [f"{name} {_format_value(getattr(row.parameters, name))}" for name in names]
        yield from ([f"- {'; '.join(own)}"] if own else [])
        yield f"- source: {row.source}\n- how sure: {row.confidence}\n"


def _write_packs(rules: SituationRules) -> Iterator[str]:
    for pack in rules.packs:
        yield f"## Pack {pack.id}: {pack.name}\n\n{pack.text} In force where it is chosen only.\n"
        yield f"{pack.source}\n"
        yield from _write_rows(row for row in rules.offered if row.pack == pack.id)


def _write_charter(charter: Charter) -> Iterator[str]:
    yield f"## Charter {charter.id}, version {charter.version}, from {charter.valid_from}\n"
    yield f"{charter.source}\n"
    for axis in charter.axes:
        yield f"### {axis.title}\n"
        for measure in (measure for measure in charter.measures if measure.axis == axis.id):
            marks = ("daily" * measure.daily, "major" * (measure.severity == "major"))
            shown = ", ".join(filter(None, marks))
            yield f"- `{measure.id}`{f' ({shown})' if shown else ''}: {measure.text}"
        yield ""
