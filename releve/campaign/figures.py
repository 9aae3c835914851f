"""The figures of a campaign: verdicts by reason, attempts by the callee's hour, what expires."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import CharField, Count, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, TruncHour

from releve.gate.models import AbandonedRow, ConsentRow, Decision, WithdrawalRow
from releve.gate.unplaced_calls import select_unplaced
from releve.network.clock import zone
from releve.outbound import LegalRow, LegalRules, compute_abandoned_share
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.legal_rows import Words, find_legal_midnight, to_legal_day

__all__ = [
    "AbandonedDay",
    "CampaignFigures",
    "compute_figures",
    "count_refusals",
    "find_refusal_texts",
]

_AHEAD_DAYS = 30
_CONSENT_DAYS = 365


@dataclass(frozen=True, slots=True)
class AbandonedDay:
    """A day of the dialler: abandoned calls, calls handed to an agent, and the share, 0 to 1."""

    day: date
    abandoned: float
    handled: float
    share: float


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """Figures of a campaign from one legal day to another.

    ``gates`` holds, for each id of ``by_rule``, the gates of the rows that may have refused: a text
    and our policy can share an id. ``by_hour[h]``: attempts placed when the callee's clock said
    ``h``; ``several_clocks``: those to numbers whose holder may be under clocks that say different
    hours. ``expiring`` holds the
    last day of consents that end soon, with how many end then. ``most_percent`` is the share of
    abandoned calls that policy bears, None where no row says one.
    """

    first: date
    last: date
    allowed: int
    policy_only: int
    refused: int
    by_rule: Mapping[str, int]
    gates: Mapping[str, frozenset[str]]
    by_hour: Sequence[int]
    several_clocks: int
    expiring: Mapping[date, int]
    pacing: Sequence[AbandonedDay]
    most_percent: float | None


def compute_figures(
    campaign: str, client: str, obj: str, first: date, last: date, rules: LegalRules, now: datetime
) -> CampaignFigures:
    """Return the figures of a campaign; four queries, whatever its size."""
    start, end = find_legal_midnight(first), find_legal_midnight(last + timedelta(days=1))
    decided = Decision.objects.filter(campaign=campaign, at__gte=start, at__lt=end)
    counts: Counter[tuple[bool, bool]] = Counter()
    by_rule: Counter[str] = Counter()
    gates: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    grouped = decided.order_by().values_list("allowed", "legal", "rules").annotate(n=Count("pk"))
    for allowed, legal, names, count in grouped:
        counts[allowed, legal] += count
        ids = [name for name in names.split("|") if name]
        by_rule.update(dict.fromkeys(ids, count))
        for name in ids:
            gates[name] |= _find_gates(legal=legal, alone=len(ids) == 1)
    by_hour, several = _by_hour(_select_placed(decided), rules, last)
    return CampaignFigures(
        first,
        last,
        sum(n for (allowed, _), n in counts.items() if allowed),
        counts[False, True],
        sum(n for (allowed, _), n in counts.items() if not allowed),
        dict(by_rule.most_common()),
        dict(gates),
        by_hour,
        several,
        _count_expiring(client, obj, to_legal_day(now)),
        _read_pacing(campaign, first, last),
        _most_percent(rules, last),
    )


def find_refusal_texts(found: CampaignFigures, rules: LegalRules) -> dict[str, tuple[Words, ...]]:
    """Return what the rows that refused calls of the period say, each text once, by their ids."""
    return {
        name: tuple(dict.fromkeys(row.rule for row in _find_refusing_rows(name, found, rules)))
        for name in found.by_rule
    }


def _find_refusing_rows(
    name: str, found: CampaignFigures, rules: LegalRules
) -> tuple[LegalRow, ...]:
    """Return the rows of an id that may have refused a call of the period."""
    return tuple(
        row
        for row in rules.rows
        if row.id == name
        and row.gate in found.gates[name]
        and (row.first is None or row.first <= found.last)
        and (row.last is None or row.last >= found.first)
    )


def count_refusals(campaigns: Sequence[str], day: date) -> Mapping[str, int]:
    """Return how many calls of each campaign were refused on a legal day; absent: none."""
    start, end = find_legal_midnight(day), find_legal_midnight(day + timedelta(days=1))
    rows = Decision.objects.filter(campaign__in=campaigns, allowed=False, at__gte=start, at__lt=end)
    return dict(rows.order_by().values_list("campaign").annotate(n=Count("pk")))


def _find_gates(*, legal: bool, alone: bool) -> frozenset[str]:
    """Return the gates of the rows behind a refusal: policy where the law allows the call, the law
    where one row alone refuses it, else either."""
    if legal:
        return frozenset({"P"})
    return frozenset({"H"}) if alone else frozenset({"H", "P"})


def _select_placed(decided: QuerySet[Decision]) -> QuerySet[Decision]:
    """Return the calls allowed, without those that our proxy gave up before they left."""
    name = Concat("call_id", Value("/"), Cast("cseq", CharField()))
    return (
        decided.filter(allowed=True)
        .annotate(ref=name)
        .exclude(ref__in=select_unplaced().values("ref"))
    )


def _by_hour(decided: QuerySet[Decision], rules: LegalRules, day: date) -> tuple[list[int], int]:
    """Return attempts by the hour of the callee's clock, and those with more than one clock."""
    hours, several = [0] * 24, 0
    rows = (
        decided.order_by()
        .annotate(hour=TruncHour("at"))
        .values_list("stand_in", "hour")
        .annotate(n=Count("pk"))
    )
    for number, hour, count in rows:
        places = [rules.territories[c] for c in rules.numbers.number(number, day).territories]
        clocks = {hour.astimezone(zone(place.zone)).hour for place in places}
        if len(clocks) == 1:
            hours[clocks.pop()] += count
        else:
            several += count
    return hours, several


def _count_expiring(client: str, obj: str, today: date) -> dict[date, int]:
    """Return how many consents to an object end on each of the coming days."""
    horizon = today + timedelta(days=_AHEAD_DAYS)
    given = find_legal_midnight(today - timedelta(days=_CONSENT_DAYS - 1))
    until = find_legal_midnight(horizon - timedelta(days=_CONSENT_DAYS - 2))
    soon = Q(until__gte=today, until__lte=horizon) | Q(
        collected_at__gte=given, collected_at__lt=until
    )
    rows = ConsentRow.objects.filter(soon, client=client, load__known_at__isnull=False)
    last = {row.ref: row for row in rows.order_by("load__known_at", "pk")}
    people = {row.person for row in last.values()}
    withdrawn = WithdrawalRow.objects.filter(
        client__in=(client, EVERY_CLIENT), person__in=people
    ).order_by("at")
    taken: dict[str, datetime] = dict(withdrawn.values_list("person", "at"))
    found: Counter[date] = Counter()
    for row in last.values():
        if row.collected_at is None or obj not in row.objects_named.split("|"):
            continue
        ends = to_legal_day(row.collected_at) + timedelta(days=_CONSENT_DAYS - 1)
        ends = ends if row.until is None else min(ends, row.until)
        gone = row.person in taken and taken[row.person] >= row.collected_at
        if today <= ends <= horizon and not gone:
            found[ends] += 1
    return dict(sorted(found.items()))


def _read_pacing(campaign: str, first: date, last: date) -> list[AbandonedDay]:
    """Return the last count known of each day."""
    rows = AbandonedRow.objects.filter(
        campaign=campaign, day__gte=first, day__lte=last, load__known_at__isnull=False
    ).order_by("load__known_at", "pk")
    days = {row.day: row for row in rows}
    return [
        AbandonedDay(day, r.abandoned, r.handled, compute_abandoned_share(r.abandoned, r.handled))
        for day, r in sorted(days.items())
    ]


def _most_percent(rules: LegalRules, day: date) -> float | None:
    rows = [row for row in rules.rows if row.kind == "abandoned_rate" and row.binds_on(day)]
    return float(rows[0].parameters["most_percent"]) if rows else None
