"""The proof of a campaign's calls in a period: a table for people, a file that can be judged again.

Calls are listed under pseudonyms, with the facts as they stand in the database now; the digest in
the decision shows whether they are the facts that were judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from releve.gate.batch_proofs import prove_row, serialize_row
from releve.gate.errors import NotAvailable
from releve.gate.fact_reader import hash_facts
from releve.gate.models import AttemptRow, Decision, WithdrawalRow
from releve.gate.replay import replay_decision
from releve.gate.rule_versions import load_rules_version, load_texts
from releve.gate.unplaced_calls import find_unplaced
from releve.ledger.errors import ProofError
from releve.network.clock import UTC
from releve.outbound import LegalRules
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.legal_rows import find_legal_midnight, to_legal_day
from releve.outbound.reverify import FORMAT

__all__ = ["COLUMNS", "ProvedCall", "iter_decisions", "iter_proved_calls", "proof_header"]

_AT_ONCE = 500
NOT_PLACED = "not-placed"
_WINDOW_DAYS = 30
COLUMNS = (
    "call", "client", "campaign", "provider", "site", "agent", "at", "places", "local_times",
    "allowed", "legal", "rules", "says", "basis", "attempts", "window_from", "caller", "mandate",
    "authenticated", "mode", "outcome", "withdrawn_at", "withdrawal_channel", "person",
    "rules_version", "zones_version", "facts", "evidence_intact", "ledger_batch", "ledger_place",
    "ledger_entry",
)  # fmt: skip
"""The columns of the table: what a client needs of each call."""


@dataclass(frozen=True, slots=True)
class ProvedCall:
    """One call: its row of the table, its sealed text, and the facts that were judged."""

    columns: Mapping[str, Any]
    text: str
    facts: Sequence[Any]
    proof: Mapping[str, Any] | None

    def line(self) -> str:
        """Return the line of the file that can be judged again."""
        line = {"text": self.text, "facts": self.facts, "stated": self.columns, "proof": self.proof}
        return json.dumps(line, ensure_ascii=False, default=str)


def proof_header(campaign: str, first: date, last: date, now: datetime) -> str:
    """Return the first line of the file: what it is about, and the rules that judged, themselves.

    NoSuch where rules that judged one of the calls are not kept.
    """
    used = _select_decisions(campaign, first, last).order_by("rules_version")
    versions = used.values_list("rules_version", flat=True).distinct()
    content = {
        "format": FORMAT,
        "campaign": campaign,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "made_at": now.isoformat(),
        "rules": load_texts(versions),
    }
    return json.dumps(content, ensure_ascii=False)


def iter_decisions(campaign: str, first: date, last: date) -> Iterator[Sequence[Decision]]:
    """Yield the decisions of a campaign from one legal day to another, some hundreds at once."""
    rows = _select_decisions(campaign, first, last).select_related("batch").order_by("at", "pk")
    after: tuple[datetime, int] | None = None
    while True:
        part = list(rows[:_AT_ONCE] if after is None else _filter_later(rows, after)[:_AT_ONCE])
        if not part:
            return
        after = (part[-1].at, part[-1].pk)
        yield part


def _select_decisions(campaign: str, first: date, last: date) -> Any:
    start, end = find_legal_midnight(first), find_legal_midnight(last + timedelta(days=1))
    return Decision.objects.filter(campaign=campaign, at__gte=start, at__lt=end)


def _filter_later(rows: Any, after: tuple[datetime, int]) -> Any:
    from django.db.models import Q

    at, pk = after
    return rows.filter(Q(at__gt=at) | Q(at=at, pk__gt=pk))


def iter_proved_calls(
    campaign: str, first: date, last: date, root: int | None
) -> Iterator[ProvedCall]:
    """Yield every call of a campaign in a period, in the order in which they were decided.

    Each is judged by the rules of its own day. ``root`` is the number of the signed root against
    which each is proved; None: without proofs. NoSuch where those rules are not kept.
    """
    for part in iter_decisions(campaign, first, last):
        outcomes, taken = _read_outcomes(part), _read_withdrawals(part)
        for decision in part:
            rules = load_rules_version(decision.rules_version)
            yield _prove_call(decision, rules, outcomes, taken, root)


def _prove_call(
    decision: Decision,
    rules: LegalRules,
    outcomes: Mapping[str, str],
    taken: Mapping[tuple[str, str], Sequence[WithdrawalRow]],
    root: int | None,
) -> ProvedCall:
    again = replay_decision(decision, rules)
    found, facts = again.verdicts[0], json.loads(again.evidence)
    withdrawal = _find_withdrawal(decision, taken)
    caller = [row for _, row in again.answer.tables["mandates"] if row["number"] == decision.caller]
    batch = decision.batch
    content = {
        "call": f"{decision.call_id}/{decision.cseq}",
        "client": decision.client,
        "campaign": decision.campaign,
        "provider": decision.call["provider"],
        "site": decision.call["site"],
        "agent": decision.agent,
        "at": decision.at.astimezone(UTC).isoformat(),
        "places": "|".join(place.territory for place in found.places),
        "local_times": "|".join(place.local.isoformat() for place in found.places),
        "allowed": decision.allowed,
        "legal": decision.legal,
        "rules": "|".join(dict.fromkeys(f.row.version for f in found.findings)),
        "says": " ".join(
            dict.fromkeys(
                f.says("fr") if f.row.reference == "—" else f"{f.says('fr')} ({f.row.reference})"
                for f in found.findings
            )
        ),
        "basis": decision.basis,
        "attempts": decision.attempts,
        "window_from": _window(
            found.places[0].local.date() if found.places else decision.at.date()
        ),
        "caller": decision.caller,
        "mandate": caller[-1]["id"] if caller else "",
        "authenticated": decision.call["authenticated"],
        "mode": decision.call["mode"],
        "outcome": outcomes.get(f"{decision.call_id}/{decision.cseq}", ""),
        "withdrawn_at": withdrawal.at.astimezone(UTC).isoformat() if withdrawal else "",
        "withdrawal_channel": withdrawal.channel if withdrawal else "",
        "person": decision.persons,
        "rules_version": decision.rules_version,
        "zones_version": decision.zones_version,
        "facts": decision.facts,
        "evidence_intact": hash_facts(again.evidence) == decision.facts,
        "ledger_batch": batch.pk if batch else None,
        "ledger_place": decision.place,
        "ledger_entry": batch.seq if batch else None,
    }
    return ProvedCall(content, serialize_row(decision), facts, _prove_decision(decision, root))


def _prove_decision(decision: Decision, root: int | None) -> Mapping[str, Any] | None:
    """Return the proof of a decision, None while no signed root is over it."""
    try:
        return None if root is None else prove_row(decision, root)
    except (NotAvailable, ProofError):
        return None


def _window(day: date) -> str:
    return (day - timedelta(days=_WINDOW_DAYS - 1)).isoformat()


def _read_outcomes(part: Sequence[Decision]) -> dict[str, str]:
    """Return the last outcome reported of each call; ``not-placed`` where its INVITE never left."""
    refs = [f"{decision.call_id}/{decision.cseq}" for decision in part]
    rows = AttemptRow.objects.filter(ref__in=refs).exclude(outcome="").order_by("pk")
    found = dict(rows.values_list("ref", "outcome"))
    return found | dict.fromkeys(find_unplaced(refs), NOT_PLACED)


def _read_withdrawals(part: Sequence[Decision]) -> dict[tuple[str, str], list[WithdrawalRow]]:
    people = {person for decision in part for person in decision.persons.split("|") if person}
    people |= {decision.number for decision in part}  # said by number
    rows = WithdrawalRow.objects.filter(person__in=people, at__gte=part[0].at).order_by("at", "pk")
    found: dict[tuple[str, str], list[WithdrawalRow]] = {}
    for row in rows:
        found.setdefault((row.client, row.person), []).append(row)
    return found


def _find_withdrawal(
    decision: Decision, taken: Mapping[tuple[str, str], Sequence[WithdrawalRow]]
) -> WithdrawalRow | None:
    """Return the first withdrawal from the call on, on its legal day."""
    for person in (*decision.persons.split("|"), decision.number):
        said = (taken.get((client, person), ()) for client in (decision.client, EVERY_CLIENT))
        for row in chain.from_iterable(said):
            if row.at >= decision.at and to_legal_day(row.at) == to_legal_day(decision.at):
                return row
    return None
