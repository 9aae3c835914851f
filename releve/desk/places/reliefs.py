"""The pages of reliefs: the generations, a comparison of two, the plan to put in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from releve.desk.places.relief_words import lost_words, source_word
from releve.desk.places.stream_context import StreamContext, when
from releve.desk.text import Text
from releve.live.api import NO_LOSS, Activation, Relief, list_working, load_day_plan
from releve.network import HOME, Operator
from releve.plan import Placement, Plan

__all__ = [
    "Comparison",
    "DayChange",
    "ReliefRow",
    "compare_reliefs",
    "comparison_twin",
    "day_changes",
    "relief_rows",
    "relief_twin",
]

_Placed = Mapping[str, Placement]


@dataclass(frozen=True, slots=True)
class ReliefRow:
    """A generation in the list."""

    generation: int
    source: str
    lost: str
    moved: str
    asked: str
    made: str
    published: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class CountRow:
    """People of one place or programme in each of two generations, on one day."""

    key: str
    name: str
    first: str
    second: str
    change: str
    counts: tuple[int, int]


@dataclass(frozen=True, slots=True)
class DayComparison:
    """One day of two generations."""

    iso: str
    day: str
    differing: str
    places: tuple[CountRow, ...]
    programmes: tuple[CountRow, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two generations beside each other; generation 0 is the plan itself."""

    first: str
    second: str
    days: tuple[DayComparison, ...]


@dataclass(frozen=True, slots=True)
class DayChange:
    """The changes of one day when a plan is put in force; ``leaves``: the plan lacks the day."""

    day: str
    verdict: str
    people: str
    differing: str
    places: tuple[CountRow, ...]
    leaves: bool


def relief_rows(now: StreamContext, rows: Sequence[Relief]) -> tuple[ReliefRow, ...]:
    """Return the generations of a list, the one in force first."""
    text = now.text
    return tuple(
        ReliefRow(
            row.generation,
            source_word(row.source),
            lost_words(row, now.operator, text),
            text.number(row.moved),
            when(row.asked_at, text),
            when(row.made_at, text),
            "" if row.published_at is None else when(row.published_at, text),
            at == 0,
        )
        for at, row in enumerate(rows)
    )


def relief_twin(row: Relief) -> dict[str, Any]:
    """Return a generation as JSON."""
    return {
        "generation": row.generation,
        "source": row.source,
        "lost": row.lost,
        "moved": row.moved,
        "asked_at": row.asked_at,
        "made_at": row.made_at,
        "published_at": row.published_at,
    }


def compare_reliefs(
    now: StreamContext, first: Relief | None, second: Relief, found: Activation
) -> Comparison:
    """Return two generations beside each other; None is the plan in force itself."""
    base = found if first is None else first.activation
    days = sorted({*base.days, *second.activation.days})
    made = (_compare_day(now, text, first, base, second) for text in days)
    return Comparison(
        _("the plan") if first is None else _name_relief(first),
        _name_relief(second),
        tuple(item for item in made if item is not None),
    )


def _name_relief(relief: Relief) -> str:
    return _("relief {number}").format(number=relief.generation)


def _compare_day(
    now: StreamContext, day: str, first: Relief | None, base: Activation, second: Relief
) -> DayComparison | None:
    """Return one day, or None where both have the same people in the same places."""
    before = _load_placements(day, first, base)
    after = _load_placements(day, second, second.activation)
    differing = _count_differing(before, after)
    if not differing:
        return None
    programmes = {row.id: row.name for row in now.operator.programmes}
    return DayComparison(
        day,
        now.text.day(date.fromisoformat(day)),
        now.text.number(differing),
        _count_people(before, after, "place", _list_places(now.operator), now.text),
        _count_people(before, after, "programme", programmes, now.text),
    )


def _load_placements(day: str, relief: Relief | None, found: Activation) -> _Placed:
    """Return who works where on a day of a generation, by agent; empty on a day without a plan."""
    if day not in found.days:
        return {}
    rows = () if relief is None else relief.days.all()
    changes: Mapping[str, Sequence[Any]] = next(
        (row.changes for row in rows if row.day.isoformat() == day), {}
    )
    plan = load_day_plan(found.days[day], found.version)
    return {row.agent: row for row in list_working(plan, changes, NO_LOSS, {})}


def _count_differing(before: _Placed, after: _Placed) -> int:
    return sum(before.get(agent) != after.get(agent) for agent in {*before, *after})


def _list_places(operator: Operator) -> dict[str, str]:
    return {HOME: _("at home")} | {row.id: row.name for row in operator.sites}


def _count_people(
    before: _Placed, after: _Placed, by: str, names: Mapping[str, str], text: Text
) -> tuple[CountRow, ...]:
    """Return how many work at each place, or for each programme, before and after."""
    had, has = (Counter(getattr(row, by) for row in rows.values()) for rows in (before, after))
    rows = []
    for key, name in names.items():
        counts = (had[key], has[key])
        if any(counts):
            change = has[key] - had[key]
            sign = "+" if change > 0 else ""
            shown = f"{sign}{text.number(change)}" if change else "="
            first, second = (text.number(count) for count in counts)
            rows.append(CountRow(key, name, first, second, shown, counts))
    return tuple(rows)


def comparison_twin(found: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON."""
    return {
        "days": [
            {
                "day": day.iso,
                "places": {row.key: row.counts for row in day.places},
                "programmes": {row.key: row.counts for row in day.programmes},
            }
            for day in found.days
        ]
    }


def day_changes(
    plans: Sequence[Plan], found: Activation | None, operator: Operator, text: Text
) -> Iterable[DayChange]:
    """Yield what putting plans in force changes, day by day; days that leave the plan last."""
    names = _list_places(operator)
    for plan in plans:
        after = {row.agent: row for row in plan.placements}
        known = found is not None and plan.day.isoformat() in found.days
        before = _load_placements(plan.day.isoformat(), None, found) if found is not None else {}
        held = sum(cell.status in ("held", "thin") for cell in plan.cells)
        yield DayChange(
            text.day(plan.day),
            _("{held} of {cells} cells of the matrix hold").format(
                held=text.number(held), cells=text.number(len(plan.cells))
            ),
            text.number(len(after)),
            text.number(_count_differing(before, after)) if known else "",
            _count_people(before, after, "place", names, text),
            leaves=False,
        )
    kept = {plan.day.isoformat() for plan in plans}
    for day in sorted(set(found.days if found is not None else ()) - kept):
        yield DayChange(text.day(date.fromisoformat(day)), "", "", "", (), leaves=True)
