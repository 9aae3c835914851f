"""What the gate would answer now for a number: campaign by campaign, without counting a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from releve.gate.campaigns import load_campaigns
from releve.gate.clients import resolve_client
from releve.gate.decision import build_call
from releve.gate.fact_reader import CampaignTerms, read_facts
from releve.gate.models import CampaignRow as Row
from releve.gate.models import MandateRow
from releve.gate.pseudonyms import number_text
from releve.outbound import CallVerdict, LegalRules, judge_call
from releve.outbound.legal_rows import to_legal_day
from releve.outbound.verdict import CallFinding

__all__ = ["CampaignAnswer", "preview_answers"]

_SAID_KINDS = frozenset({"silence", "consent_withdrawal", "consent_refusal"})
"""The kinds of rows that refuse for what the person said."""


@dataclass(frozen=True, slots=True)
class CampaignAnswer:
    """What a question about one campaign would be answered.

    ``for_request``: a row refuses for what the person said. ``next_allowed`` is None where nothing
    known leads to an instant.
    """

    campaign: str
    client: str
    allowed: bool
    for_request: bool
    findings: tuple[CallFinding, ...]
    next_allowed: datetime | None

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the ids of the rows that refuse, each once."""
        return tuple(dict.fromkeys(finding.row.id for finding in self.findings))


def preview_answers(
    number: str, client: str, rules: LegalRules, now: datetime
) -> tuple[CampaignAnswer, ...]:
    """Return the answers for the running campaigns of a client, or of every one (empty)."""
    number, today, client = number_text(number), to_legal_day(now), resolve_client(client)
    running = [
        row
        for row in load_campaigns().values()
        if client in ("", row.client)
        and (row.first is None or row.first <= today)
        and (row.last is None or today <= row.last)
    ]
    callers = _callers({row.client for row in running}, now)
    return tuple(_answer(row, number, callers.get(row.client, ""), rules, now) for row in running)


def _answer(row: Row, number: str, caller: str, rules: LegalRules, now: datetime) -> CampaignAnswer:
    known = read_facts(row.client, number, now, campaign=row.ref)
    campaign = CampaignTerms(
        **{name: getattr(row, name) for name in CampaignTerms.__dataclass_fields__}
    )
    facts = known.facts()
    found: list[CallVerdict] = [
        judge_call(
            build_call(row.ref, campaign, number, caller, person, now, ""), facts, rules, now
        )
        for person in known.persons() or ("",)
    ]
    findings = tuple(finding for one in found for finding in one.findings)
    return CampaignAnswer(
        row.ref, row.client, all(one.allowed for one in found),
        any(finding.row.kind in _SAID_KINDS for finding in findings), findings, _next(found),
    )  # fmt: skip


def _next(found: Sequence[CallVerdict]) -> datetime | None:
    instants = [one.next_allowed for one in found]
    known = [instant for instant in instants if instant is not None]
    return max(known) if len(known) == len(instants) else None


def _callers(clients: Iterable[str], now: datetime) -> dict[str, str]:
    """Return a number that may be shown for each client: the last mandated one in force."""
    today = to_legal_day(now)
    rows = MandateRow.objects.filter(client__in=clients, first__lte=today, load__known_at__lte=now)
    rows = rows.exclude(last__lt=today).order_by("load__known_at", "pk")
    return dict(rows.values_list("client", "number"))
