"""The figures of a campaign, its sheet for the client, and the files of the report.

Counts are of the decisions of the period; every fact shown (a mandate, a day's count, a scrub, the
campaign itself) comes as it was sealed, with its proof where a signed root is over it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

from django.db.models import CharField, Count, Exists, Max, Min, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, TruncHour

from releve.ledger.roots import load_last_root
from releve.live.clock import read_clock
from releve.network.moments import zone
from releve.plugins.outbound.campaign.packs import (
    CONSENT_COLUMNS,
    ContractDetails,
    ProvedFact,
    facts_header,
    iter_consents,
    load_contract_details,
)
from releve.plugins.outbound.engine.fact_files import escape_cell
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, compute_abandoned_share
from releve.plugins.outbound.engine.legal_rows import LegalRow, LegalRules, Words, find_legal_midnight, to_legal_day
from releve.plugins.outbound.gate.attempt_outcomes import select_unplaced
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.erasure import YEARS
from releve.plugins.outbound.gate.models import (
    AbandonedRow,
    CampaignRow,
    ConsentRow,
    Decision,
    FactRow,
    MandateRow,
    PersonRow,
    RefusalRow,
    ScrubRow,
    WithdrawalRow,
)
from releve.plugins.outbound.gate.proofs import FactProver, serialize_fact

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


def _find_refusing_rows(name: str, found: CampaignFigures, rules: LegalRules) -> tuple[LegalRow, ...]:
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
    return decided.filter(allowed=True).annotate(ref=name).exclude(ref__in=select_unplaced().values("ref"))


def _by_hour(decided: QuerySet[Decision], rules: LegalRules, day: date) -> tuple[list[int], int]:
    """Return attempts by the hour of the callee's clock, and those with more than one clock."""
    hours, several = [0] * 24, 0
    rows = decided.order_by().annotate(hour=TruncHour("at")).values_list("stand_in", "hour").annotate(n=Count("pk"))
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
    soon = Q(until__gte=today, until__lte=horizon) | Q(collected_at__gte=given, collected_at__lt=until)
    rows = ConsentRow.objects.filter(soon, client=client, load__known_at__isnull=False)
    last = {row.ref: row for row in rows.order_by("load__known_at", "pk")}
    people = {row.person for row in last.values()}
    withdrawn = WithdrawalRow.objects.filter(client__in=(client, EVERY_CLIENT), person__in=people).order_by("at")
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


REPORT_FORMAT = "releve outbound campaign sheet 1"


@dataclass(frozen=True, slots=True)
class ClientReport:
    """A campaign in a period; ``content`` is the sheet as data, ``facts`` its sources."""

    content: Mapping[str, Any]
    facts: tuple[ProvedFact, ...]

    def document(self) -> str:
        return json.dumps(self.content, ensure_ascii=False, indent=1)


def build_report(
    row: CampaignRow, first: date, last: date, rules: LegalRules, now: datetime, prover: FactProver | None
) -> ClientReport:
    """Return the sheet of a campaign from one legal day to another."""
    start, end = find_legal_midnight(first), find_legal_midnight(last + timedelta(days=1))
    decided = Decision.objects.filter(campaign=row.ref, at__gte=start, at__lt=end)
    said = Q(client__in=(row.client, EVERY_CLIENT), at__gte=start, at__lt=end, load__known_at__isnull=False)
    figures = compute_figures(row.ref, row.client, row.object, first, last, rules, now)
    facts = _select_facts(row, first, last)
    papers = load_contract_details(row.ref)
    content = {
        "format": REPORT_FORMAT,
        "campaign": row.ref,
        "client": row.client,
        "object": row.object,
        "mode": row.mode,
        "purpose": row.purpose,
        "provider": row.provider,
        "site": row.site,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "made_at": now.isoformat(),
        "roles": {"controller": row.client, "processor": row.provider},
        "papers": _describe_papers(papers),
        "calls": {
            "decided": figures.allowed + figures.refused,
            "allowed": figures.allowed,
            "refused": figures.refused,
            "by_policy_only": figures.policy_only,
            "proved": decided.exclude(batch=None).count(),
        },
        "refused_by_row": dict(figures.by_rule),
        "rules": _list_versions(decided),
        "refusals_said": _count_said(RefusalRow, said, "kind"),
        "withdrawals": _count_said(WithdrawalRow, said, "channel"),
        "abandoned": [asdict(day) | {"day": day.day.isoformat()} for day in figures.pacing],
        "abandoned_most_percent": figures.most_percent,
        "mandates": [json.loads(serialize_fact(one)) for one in facts if isinstance(one, MandateRow)],
        "scrubs": [json.loads(serialize_fact(one)) for one in facts if isinstance(one, ScrubRow)],
        "consents_known": ConsentRow.objects.filter(client=row.client, load__known_at__isnull=False).count(),
        "retention": {"years": YEARS, **_retention_days(decided)},
    }
    shown = tuple(ProvedFact({}, serialize_fact(one), None if prover is None else prover.proof(one)) for one in facts)
    return ClientReport(content, shown)


def _describe_papers(found: ContractDetails | None) -> dict[str, Any] | None:
    """Return a campaign's papers as data, None where none are recorded."""
    if found is None or found.told_at is None:
        return None
    return asdict(found) | {"told_at": found.told_at.isoformat()}


def _select_facts(row: CampaignRow, first: date, last: date) -> list[FactRow]:
    """Return the facts that the sheet tells: the campaign, mandates, counts of days, scrubs."""
    known = Q(load__known_at__isnull=False)
    start, end = find_legal_midnight(first), find_legal_midnight(last + timedelta(days=1))
    running = Q(first__lte=last) & (Q(last=None) | Q(last__gte=first))
    wanted = (
        CampaignRow.objects.filter(ref=row.ref),
        MandateRow.objects.filter(running, client=row.client),
        AbandonedRow.objects.filter(campaign=row.ref, day__gte=first, day__lte=last),
        ScrubRow.objects.filter(client=row.client, campaign__in=("", row.ref), at__gte=start, at__lt=end),
    )
    return [
        one for rows in wanted for one in rows.filter(known).select_related("load").order_by("load__known_at", "pk")
    ]


def _list_versions(decided: Any) -> list[dict[str, Any]]:
    """Return the versions of the rules that judged, in their order."""
    rows = decided.order_by().values("rules_version")
    rows = rows.annotate(calls=Count("pk"), first=Min("at"), last=Max("at")).order_by("first")
    return [
        {"version": r["rules_version"], "calls": r["calls"], "first": r["first"].isoformat(),
         "last": r["last"].isoformat()}
        for r in rows
    ]  # fmt: skip


def _count_said(model: type[RefusalRow] | type[WithdrawalRow], said: Q, name: str) -> dict[str, int]:
    """Return how many were said; one written for a number as well as its holders counts once."""
    held = Exists(PersonRow.objects.filter(number=OuterRef("person")))
    rows = model._default_manager.filter(said).exclude(held).order_by().values_list(name)
    return dict(sorted(rows.annotate(n=Count("pk"))))


def _retention_days(decided: Any) -> dict[str, str | None]:
    """Return between which days the rows of the calls are erased."""
    ends = decided.aggregate(first=Min("erase_on"), last=Max("erase_on"))
    return {name: None if day is None else day.isoformat() for name, day in ends.items()}


def flatten_report(content: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """Yield a sheet as rows of two columns: what, and its value; for a spreadsheet."""
    for name, value in content.items():
        path = f"{inside}.{name}" if inside else str(name)
        if isinstance(value, Mapping):
            yield from flatten_report(value, path)
        elif isinstance(value, list):
            yield from flatten_report({str(n): one for n, one in enumerate(value, 1)}, path)
        else:
            yield path, "" if value is None else str(value)


def load_report(row: CampaignRow, first: date, last: date) -> ClientReport:
    """Return what a campaign did in a period, with proofs under the last signed root."""
    return build_report(row, first, last, load_current_rules(), read_clock(), _load_prover())


def _load_prover() -> FactProver | None:
    root = load_last_root()
    return None if root is None else FactProver(root)


def _iter_consents(row: CampaignRow) -> Iterator[ProvedFact]:
    return iter_consents(row.client, load_current_rules(), _load_prover(), object_=row.object)


def _write_sheet_csv(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    rows = ({"what": what, "value": value} for what, value in flatten_report(load_report(row, first, last).content))
    return _write_table(("what", "value"), rows)


def _write_sheet_json(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield load_report(row, first, last).document() + "\n"


def _write_facts(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield facts_header(row.ref, read_clock()) + "\n"
    yield from (f"{fact.line()}\n" for fact in load_report(row, first, last).facts)


def _write_consents_csv(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    return _write_table(CONSENT_COLUMNS, (one.columns for one in _iter_consents(row)))


def _write_consents(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield facts_header(row.client, read_clock()) + "\n"
    yield from (f"{one.line()}\n" for one in _iter_consents(row))


def _write_table(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table, its first line first."""
    buffer = StringIO()
    writer = csv.DictWriter(buffer, tuple(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: escape_cell(value) for name, value in row.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


REPORT_FILES: Mapping[str, Callable[[CampaignRow, date, date], Iterator[str]]] = {
    "sheet.csv": _write_sheet_csv,
    "sheet.json": _write_sheet_json,
    "facts.jsonl": _write_facts,
    "consents.csv": _write_consents_csv,
    "consents.jsonl": _write_consents,
}
"""Writers of the lines of each file, by name; large files are written as they are read."""
