"""Events drawn at random from their declarations: every kind, every field, odd texts and dates."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from types import NoneType
from typing import Any, get_args, get_origin

from hypothesis import strategies as st

from releve.situation import KINDS, Event, EventField, MeasureFinding, list_fields

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="".join(map(chr, [*range(32), 127]))), max_size=12)
_FIRST = datetime(2000, 1, 2, tzinfo=UTC)
TIMES = st.integers(0, 199 * 365 * 86400 * 10**6).map(
    lambda microseconds: _FIRST + timedelta(microseconds=microseconds)
)
DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))


def values_of(field: EventField) -> st.SearchStrategy[Any]:
    """Return values that a field accepts."""
    types = get_args(field.type) or (field.type,)
    if get_origin(field.type) is tuple:
        return st.lists(_plain(types[0], field), max_size=3).map(tuple)
    wanted = next(type_ for type_ in types if type_ is not NoneType)
    plain = _plain(wanted, field)
    return st.none() | plain if NoneType in types else plain


def _plain(wanted: Any, field: EventField) -> st.SearchStrategy[Any]:
    condition = field.condition
    if condition.one_of:
        return st.sampled_from(condition.one_of)
    if dataclasses.is_dataclass(wanted):
        return st.builds(wanted, **{part.name: values_of(part) for part in list_fields(wanted)})  # type: ignore[arg-type]
    least, most = condition.at_least or 0, condition.at_most
    kinds: dict[Any, st.SearchStrategy[Any]] = {
        datetime: TIMES,
        date: DAYS,
        bool: st.booleans(),
        int: st.integers(int(least), int(most or 1000)),
        float: st.floats(least, most or 1000.0),
        str: TEXTS,
    }
    return kinds[wanted]


def any_event(kind: str | None = None) -> st.SearchStrategy[Event]:
    """Return events of a kind, or of any."""
    if kind is None:
        return st.one_of([any_event(kind) for kind in sorted(KINDS)])
    row = KINDS[kind]
    return st.builds(row, **{field.name: values_of(field) for field in list_fields(row)})


SITES = ("casa", "rabat", "lille")
AGENTS = tuple(f"a{n}" for n in range(1, 7))
_NEAR = st.integers(0, 40 * 24).map(lambda hours: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hours))
_NEAR_DAYS = st.dates(date(2026, 11, 1), date(2026, 12, 20))
_FINDINGS = st.builds(
    MeasureFinding,
    measure=st.sampled_from(("masks", "ventilation", "canteen")),
    verdict=st.sampled_from(("kept", "partly", "not_kept")),
)
_NAMED: dict[str, st.SearchStrategy[Any]] = {
    "id": st.just(""),
    "site": st.sampled_from(SITES),
    "agent": st.sampled_from(AGENTS),
    "carrier": st.just(""),
    "authorisation": st.sampled_from(("w1", "w2")),
    "of": st.just("site"),
    "vehicle": st.just(""),
    "item": st.sampled_from(("disinfected", "building_safe", "cause_gone")),
    "actor": st.sampled_from(("samira", "karim")),
    "corrects": st.integers(0, 12).map(lambda n: f"e{n}"),
    "reason": st.just("Typed wrong"),
    "absence": st.just(""),
    "case": st.just(""),
    "rule": st.just(""),
    "cause": st.sampled_from(("operator", "hazard")),
    "findings": st.lists(_FINDINGS, max_size=2, unique_by=lambda finding: finding.measure).map(tuple),
    "measure": st.sampled_from(("masks", "ventilation")),
    "photos": st.just(()),
    "inspection": st.just(""),
    "count": st.just(1),
    "agents": st.sampled_from(((), ("a1",), ("l1",))),
    "incident": st.integers(0, 12).map(lambda n: f"e{n}"),
    "closure": st.just(""),
    "due": st.none(),
    "tested": st.integers(3, 5),
    "positive": st.integers(0, 3),
}

_AUDITED: dict[str, st.SearchStrategy[Any]] = {
    "audit": st.sampled_from(("x1", "x2")),
    "sites": st.just(SITES),
    "charter": st.just("sector"),
    "version": st.just("1"),
    "evidence": st.just(()),
    "finding": st.sampled_from(("f1", "f2")),
    "due": _NEAR_DAYS,
    "cause": st.just("Supplier late"),
}


def near_event() -> st.SearchStrategy[Event]:
    """Return events of 40 days about the few places and people of :mod:`.rule_chain`.

    Their ids are empty: the test gives them one each.
    """
    return st.one_of([_near(kind) for kind in sorted(KINDS)])


def _near(kind: str) -> st.SearchStrategy[Event]:
    fields = {field.name: _near_values(kind, field) for field in list_fields(KINDS[kind])}
    return st.builds(KINDS[kind], **fields)


def _near_values(kind: str, field: EventField) -> st.SearchStrategy[Any]:
    if kind == "authorisation.granted" and field.name == "agent":
        return st.just("")
    if KINDS[kind].family == "charter_audits" and field.name in _AUDITED:
        return _AUDITED[field.name]
    if (kind, field.name) == ("agent.unavailable", "reason"):
        return values_of(field)
    if field.name in _NAMED:
        return _NAMED[field.name]
    types = get_args(field.type) or (field.type,)
    near = _NEAR if datetime in types else _NEAR_DAYS if date in types else values_of(field)
    return st.none() | near if NoneType in types else near
