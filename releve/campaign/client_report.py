"""A campaign on one sheet for the client: its papers, refusals, abandoned calls, mandates, proof.

Counts are of the decisions of the period; every fact shown (a mandate, a day's count, a scrub, the
campaign itself) comes besides as it was sealed, with its proof where a signed root is over it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q

from releve.campaign.contract_details import ContractDetails, load_contract_details
from releve.campaign.figures import compute_figures
from releve.campaign.proved_facts import ProvedFact
from releve.gate.fact_proofs import FactProver, serialize_fact
from releve.gate.models import (
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
from releve.gate.retention import YEARS
from releve.outbound import LegalRules
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.legal_rows import find_legal_midnight

__all__ = ["REPORT_FORMAT", "ClientReport", "build_report", "flatten_report"]

REPORT_FORMAT = "releve outbound campaign sheet 1"


@dataclass(frozen=True, slots=True)
class ClientReport:
    """A campaign in a period; ``content`` is the sheet as data, ``facts`` its sources."""

    content: Mapping[str, Any]
    facts: tuple[ProvedFact, ...]

    def document(self) -> str:
        """Return the sheet as JSON."""
        return json.dumps(self.content, ensure_ascii=False, indent=1)


def build_report(
    row: CampaignRow,
    first: date,
    last: date,
    rules: LegalRules,
    now: datetime,
    prover: FactProver | None,
) -> ClientReport:
    """Return the sheet of a campaign from one legal day to another."""
    start, end = find_legal_midnight(first), find_legal_midnight(last + timedelta(days=1))
    decided = Decision.objects.filter(campaign=row.ref, at__gte=start, at__lt=end)
    said = Q(client__in=(row.client, EVERY_CLIENT), at__gte=start, at__lt=end,
             load__known_at__isnull=False)  # fmt: skip
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
        "mandates": [
            json.loads(serialize_fact(one)) for one in facts if isinstance(one, MandateRow)
        ],
        "scrubs": [json.loads(serialize_fact(one)) for one in facts if isinstance(one, ScrubRow)],
        "consents_known": ConsentRow.objects.filter(
            client=row.client, load__known_at__isnull=False
        ).count(),
        "retention": {"years": YEARS, **_retention_days(decided)},
    }
    shown = tuple(
        ProvedFact({}, serialize_fact(one), None if prover is None else prover.proof(one))
        for one in facts
    )
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
        ScrubRow.objects.filter(
            client=row.client, campaign__in=("", row.ref), at__gte=start, at__lt=end
        ),
    )
    return [
        one
        for rows in wanted
        for one in rows.filter(known).select_related("load").order_by("load__known_at", "pk")
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


def _count_said(
    model: type[RefusalRow] | type[WithdrawalRow], said: Q, name: str
) -> dict[str, int]:
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
