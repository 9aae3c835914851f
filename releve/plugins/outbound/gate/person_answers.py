"""Preview what the gate would answer now for a number, campaign by campaign; no call is counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from releve.plugins.outbound.engine import CallVerdict, LegalRules, judge_call
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.engine.verdict import CallFinding
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.clients import resolve_client
from releve.plugins.outbound.gate.decision import build_call
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, read_facts
from releve.plugins.outbound.gate.models import CampaignRow, MandateRow
from releve.plugins.outbound.gate.pseudonyms import number_text

_SAID_KINDS = frozenset({"silence", "consent_withdrawal", "consent_refusal"})
"""The kinds of rows that refuse because of what the person said."""


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """What a question to the gate about one campaign would be answered now.

    ``for_request``: a row refuses for what the person said. It holds no number and no person.
    """

    campaign: str
    client: str
    allowed: bool
    for_request: bool
    rules: tuple[str, ...]
    next_allowed: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignAnswer:
    """The answer to a question about one number and campaign: a verdict for each known holder."""

    campaign: str
    client: str
    number: str
    verdicts: tuple[CallVerdict, ...]

    @property
    def allowed(self) -> bool:
        """Return whether the gate would allow the call."""
        return all(one.allowed for one in self.verdicts)

    @property
    def findings(self) -> tuple[CallFinding, ...]:
        return tuple(finding for one in self.verdicts for finding in one.findings)

    @property
    def for_request(self) -> bool:
        """Return whether a row refuses because of what the person said."""
        return any(finding.row.kind in _SAID_KINDS for finding in self.findings)

    @property
    def next_allowed(self) -> datetime | None:
        """Return the first instant at which the call is allowed for every holder, if any."""
        instants = [one.next_allowed for one in self.verdicts]
        known = [instant for instant in instants if instant is not None]
        return max(known) if len(known) == len(instants) else None

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the ids of the rows that refuse, each once."""
        return tuple(dict.fromkeys(finding.row.id for finding in self.findings))

    @property
    def summary(self) -> AnswerSummary:
        """Return the answer without the number and the verdicts of the holders."""
        return AnswerSummary(self.campaign, self.client, self.allowed, self.for_request, self.rules, self.next_allowed)


def preview_answers(number: str, client: str, rules: LegalRules, now: datetime) -> tuple[CampaignAnswer, ...]:
    """Return the answers for the running campaigns of a client (empty: of all)."""
    number, today, client = number_text(number), to_legal_day(now), resolve_client(client)
    running = [
        row
        for row in load_campaigns().values()
        if client in ("", row.client)
        and (row.first is None or row.first <= today)
        and (row.last is None or today <= row.last)
    ]
    callers = _find_callers({row.client for row in running}, now)
    return tuple(_answer_campaign(row, number, callers.get(row.client, ""), rules, now) for row in running)


def _answer_campaign(row: CampaignRow, number: str, caller: str, rules: LegalRules, now: datetime) -> CampaignAnswer:
    known = read_facts(row.client, number, now, campaign=row.ref)
    terms, facts = CampaignTerms.from_row(row), known.facts()
    calls = [build_call(row.ref, terms, number, caller, person, now, "") for person in known.persons() or ("",)]
    verdicts = tuple(judge_call(call, facts, rules, now) for call in calls)
    return CampaignAnswer(row.ref, row.client, number, verdicts)


def _find_callers(clients: Iterable[str], now: datetime) -> dict[str, str]:
    """Return the number to show for each client: the one of the last mandate in force."""
    today = to_legal_day(now)
    rows = MandateRow.objects.filter(client__in=clients, first__lte=today, load__known_at__lte=now)
    rows = rows.exclude(last__lt=today).order_by("load__known_at", "pk")
    return dict(rows.values_list("client", "number"))


def answer_to_json(answer: CampaignAnswer) -> dict[str, Any]:
    """Return the answer for a campaign as data; no number, no id of a person."""
    return asdict(answer.summary)
