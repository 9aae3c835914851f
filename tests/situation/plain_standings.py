"""Standings judged one by one in plain Python: the oracle of the table, and random years for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np

from releve.network import UTC, Operator
from releve.situation import AuditVerdict, CheckDone, Event, InspectionHeld, MeasureFinding
from releve.situation.charter import Charter, CharterMeasure, EvidenceRule
from tests.situation.rule_chain import operator

_WORST = ("not_kept", "expired", "unknown", "partly", "kept")
_WORD = {"met": "kept", "not_met": "not_kept"}
_RANK = ("not_applicable", "kept", "partly", "not_kept")
"""Of several findings of one day the last of these counts."""
_SEEN = ("kept",) * 6 + ("partly", "not_kept", "not_applicable")
Seen = tuple[str, str, date, str, date, int]
"""Kind of event, site (empty = all), day, what was found, the last day on which it holds, and after
how many days it was recorded."""


def build_year(
    charter: Charter, sites: int, days: int, seed: int = 1, first: date = date(2026, 1, 1)
) -> tuple[Operator, list[Event]]:
    """Return an operator and its events: a check on most days, a visit a fortnight, an audit."""
    rng = np.random.default_rng(seed)
    daily = [measure.id for measure in charter.measures if measure.daily]
    every = [measure.id for measure in charter.measures]
    events: list[Event] = []

    def find(measures: Sequence[str]) -> tuple[MeasureFinding, ...]:
        drawn = rng.integers(len(_SEEN), size=len(measures)).tolist()
        return tuple(
            MeasureFinding(measure=measure, verdict=_SEEN[at]) for measure, at in zip(measures, drawn, strict=True)
        )

    for number in range(sites):
        site = f"s{number}"
        for day in range(days):
            at = datetime.combine(first + timedelta(days=day), time(12), UTC)
            late = timedelta(days=int(rng.choice([0, 0, 0, 0, 1, 3])))
            head = {"happened_at": at, "recorded_at": at + late, "actor": "x", "site": site}
            if rng.random() < 0.85:
                events.append(
                    CheckDone(id=f"c{number}-{day}", day=at.date(), findings=find(daily), **head)  # type: ignore[arg-type]
                )
            if rng.random() < 1 / 14:
                visit = InspectionHeld(
                    id=f"v{number}-{day}", authority="C", findings=find(every), **head  # type: ignore[arg-type]
                )  # fmt: skip
                events.append(visit)
            if rng.random() < 1 / 30:
                measure = every[int(rng.integers(len(every)))]
                verdict = ("met", "partly", "not_met")[int(rng.integers(3))]
                last = at.date() + timedelta(days=int(rng.integers(200)))
                events.append(
                    AuditVerdict(
                        id=f"a{number}-{day}", measure=measure, verdict=verdict, valid_to=last,
                        **(head | {"site": site if number else ""}),  # type: ignore[arg-type]
                    )
                )  # fmt: skip
    base = operator()
    named = tuple(replace(base.sites[0], id=f"s{n}", name=f"S{n}") for n in range(sites))
    return replace(base, sites=named), events


def list_seen(events: Iterable[Event], measure: str) -> list[Seen]:
    """Return what events of a noon saw of one measure; the sites are on UTC."""
    seen: list[Seen] = []
    for event in events:
        if isinstance(event, CheckDone | InspectionHeld):
            day = event.day if isinstance(event, CheckDone) else event.happened_at.date()
            seen += [
                (event.kind, event.site, day, one.verdict, date.max, _count_late(event, day))
                for one in event.findings
                if one.measure == measure
            ]
        elif isinstance(event, AuditVerdict) and event.measure == measure:
            found = _WORD.get(event.verdict, event.verdict)
            day = event.happened_at.date()
            late = _count_late(event, day)
            seen.append((event.kind, event.site, day, found, event.valid_to, late))
    return seen


def _count_late(event: Event, day: date) -> int:
    return (event.recorded_at.date() - day).days


def judge_plainly(measure: CharterMeasure, seen: Iterable[Seen], site: str, day: date, since: date) -> str:
    """Return a standing by its definition, from what was seen of it; nothing before ``since``."""
    mine = [row for row in seen if row[1] in (site, "") and since <= row[2] <= day]
    mandatory = any(not rule.optional for rule in measure.evidence)
    found = []
    for rule in measure.evidence:
        value = _judge_rule(rule, mine, day)
        if rule.optional and mandatory and measure.needs == "all":
            value = "kept" if value in ("unknown", "expired") else value
        found.append(_WORST.index(value))
    if not found:
        return "unknown"
    return _WORST[max(found) if measure.needs == "any" else min(found)]


def _judge_rule(rule: EvidenceRule, seen: Iterable[Seen], day: date) -> str:
    by_day: dict[date, str] = {}
    ends: dict[date, date] = {}
    for kind, _, on, found, end, late in seen:
        too_late = rule.recorded_within is not None and late > rule.recorded_within
        if too_late and found in ("kept", "not_applicable"):
            continue
        if kind in rule.sources:
            by_day[on] = max(by_day.get(on, found), found, key=_RANK.index)
            ends[on] = min(ends.get(on, end), end)
    if not by_day:
        return "unknown"
    newest = max(by_day)
    if (day - newest).days > rule.fresh_days:
        return "expired"
    if rule.rule == "latest" and ends[newest] < day:
        return "expired"
    if rule.rule == "latest":
        return "kept" if by_day[newest] == "not_applicable" else by_day[newest]
    within = [found for on, found in by_day.items() if (day - on).days < rule.days]
    kept, partly, unkept = (within.count(word) for word in ("kept", "partly", "not_kept"))
    if rule.rule == "none_not_kept":
        return "not_kept" if unkept else "partly" if partly else "kept"
    if kept >= rule.least * (kept + partly + unkept):
        return "kept"
    return "partly" if kept + partly else "not_kept"
