"""The reference of events, refusals, notices and rules, written from their own declarations."""

from __future__ import annotations

from collections import Counter
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

OFTEN = 4
"""A field that so many kinds of events have alike is said once."""
_POLICY = ("Policy of this product.", "Certain; a choice.")
"""Source and confidence of the rows that need no reading."""
_INTRODUCTION = """\
# Events and rules

*Written by `scripts/docs` from the declarations in the code and the shipped rules.*

For programs that record or read events, and for those who write rules of an installation.

**Events** fold into the **situation**: sites closed, until when and by whose order; agents unavailable until
when (never why); outages, checks, permits. **Rules**, dated rows, say which events are refused, what follows
from an event and what counts as late. A wrong event is corrected by another that names it.

## Two dates, one order

`happened_at` is when it happened, `recorded_at` when it was recorded: at most the tolerance of the
`recording` rule apart (5 min ahead as shipped, a year behind).

- A **case** has the date on which it happened, never one after its record.
- A **closure** starts with its order, `happened_at` of `site.closed`; of a rule's order that is the record of the
  case that closes the site.
- The rules of the day apply, in the time of the site: of the order for a closure, of each order that is lifted for
  a reopening, of the day checked for a check.
- A record is **late** more than 60 minutes after what happened or was seen; of what is about a day, once that day
  has ended at its site. It counts all the same; a charter may ask for a timely one.

Acts on one site (`site.closed`, `closure.extended`, `reopening.…`, `site.reopened`), on a plan of draws or an
audit, and choices of packs fold in the order of record; all others by when they happened. An event recorded twice
(the same `id`) counts once.

## The closure rule

None is in force by default: one is a row of the installation, or of a **pack** that the operator chooses for
some days (*Rules of the sites*, `releve live rules`), within the dates of the pack's rows. A drill takes over what
is chosen, and may choose more for itself.

*n* confirmed agents of one site within *d* days close the whole site for at least *h* hours (2, 14 and 48 in
the pack `health-2020`, from a single account).

- Days are of 24 hours, both ends included, and the last case lies as near to now: cases reported long
  afterwards close nothing.
- A case counts for the site its report names. An agent counts once: a further report within *d* days keeps the
  date of the first.
- Contacts and corrected cases do not count; a cleared case does.
- One of the cases must be recorded after the last reopening of a site that a rule had closed; with
  `earlier_cases_count` those before it count together with it, otherwise a full set of new ones is needed.
- A further case while the site is closed changes nothing, unless `further_case_hours` says so: then the site
  stays closed that long from its record, and approvals given so far are void.
- An order of a rule joins a closure of another cause; the site opens when both allow it.
- After a correction, an order that rests on too few cases is lifted at once by a second person, with the
  correction as its reason, and is not given again for the same case. Other orders of the closure stay.

A **reopening** needs the earliest time over, the checklist done and, after that, two different people's
`reopening.approved`. An order that closes a site is **corrected** on the same terms, by people and by programs.

A case is **cleared** by an event that names the case's event, its agent and its site. Any other clearing is
refused in the same words, and a second report of a case is accepted like the first, so that no answer
reveals who has a measure. A drill starts without the real cases.

## Who sees what

A *personal* field names or concerns a person: it is kept beside the ledger and erased on its day (the
`retention` rule); the event then reads back with it empty. A *health* field, clusters and contacts are for
the health officer alone. Planning receives `unavailable` (agent, until) and `lost_places` (site or carrier,
until, whether its people may only work at home).
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
        "Kind, basis, days and the parameters that are not the kind's default. Without a source, a row is a policy of"
        " this product and certain: a choice.\n",
        *_write_rows(rules.rows),
        *_write_packs(rules),
    ]
    parts += [part for charter in rules.charters for part in _write_charter(charter)]
    return "\n".join(parts) + "\n"


def _write_events() -> Iterator[str]:
    common = list_fields(Event)
    names = {field.name for field in common}
    fields = {kind: [f for f in list_fields(KINDS[kind]) if f.name not in names] for kind in sorted(KINDS)}
    counts = Counter((field.name, _write_field(field)) for row in fields.values() for field in row)
    often: dict[str, str] = {}
    for (name, line), count in counts.most_common():
        if count >= OFTEN:
            often.setdefault(name, line)
    yield "## Events\n"
    yield "Every event has these fields. In brackets: the value, `needed`, the marks.\n"
    yield "\n".join([*map(_write_field, common), ""])
    yield "Where a kind names one of these without a sentence, it has it so:\n"
    yield "\n".join([*sorted(often.values()), ""])
    for kind, row in fields.items():
        shared = [field for field in row if often.get(field.name) == _write_field(field)]
        yield f"### {kind}\n\n{KINDS[kind].doc}\n"
        if shared:
            yield f"- {', '.join(f'`{field.name}`' for field in shared)}"
        yield "\n".join([*(_write_field(field) for field in row if field not in shared), ""])
    yield "### A finding\n\nOne item of the findings of a check or an inspection.\n"
    yield "\n".join([*map(_write_field, list_fields(MeasureFinding)), ""])


def _write_field(field: EventField) -> str:
    marks = [mark for mark in ("personal", "health") if getattr(field, mark)]
    value = [_describe_value(field), *(["needed"] if field.required else []), *marks]
    return f"- `{field.name}` ({', '.join(value)}): {field.doc}"


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
        last = f" to {row.valid_to}" if row.valid_to else ""
        yield f"### {row.id}\n\n{row.text}\n"
        given = [(f, getattr(row.parameters, f.name)) for f in list_fields(type(row.parameters))]
        own = [f"{field.name} {_format_value(value)}" for field, value in given if value != field.default]
        kind = f"{row.parameters.kind}, {row.basis}, from {row.valid_from}{last}"
        yield f"- {'; '.join([kind, *own])}"
        if (row.source, row.confidence) != _POLICY:
            yield f"- source: {row.source}\n- how sure: {row.confidence}"
        yield ""


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
