"""The explanation of a reply: its reasons, the exceptions applied, the next allowed instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from releve.gate.protocol import REFUSALS, Reply
from releve.network.clock import UTC
from releve.outbound import Call, CallVerdict, Facts, LegalRules, find_next_allowed
from releve.outbound.phrases import format_basis
from releve.outbound.verdict import CallFinding

__all__ = ["explain_refusal", "explain_repeat", "explain_verdicts"]

_LANGUAGES = ("fr", "en")
_MOST_ROUNDS = 100


def explain_verdicts(
    found: Sequence[CallVerdict], facts: Facts, rules: LegalRules
) -> Mapping[str, Any]:
    """Return what is said of a call: a verdict for each person who answers the number."""
    following = _next_of_all([one.call for one in found], facts, rules)
    findings = {(one.row.version, one.says("en")): one for each in found for one in each.findings}
    lifted = {(one.row, one.by, one.basis): one for each in found for one in each.lifted}
    basis = found[0].basis
    return {
        "answer": "allow" if not findings else "refuse",
        "legal": all(one.legal for one in found),
        "reasons": [_explain_finding(finding) for finding in findings.values()],
        "basis": {"id": basis, "says": _by_language(lambda lang: format_basis(basis, lang))}
        if basis
        else None,
        "exceptions": [
            {"row": one.by.version, "lifts": one.row.version, "basis": one.basis,
             "says": _by_language(one.by.rule.of)}
            for one in lifted.values()
        ],
        "next_allowed": following and following.astimezone(UTC).isoformat(),
        "rules_version": rules.version,
    }  # fmt: skip


def _explain_finding(finding: CallFinding) -> Mapping[str, Any]:
    row = finding.row
    return {
        "id": row.id,
        "row": row.version,
        "gate": row.gate,
        "text": row.reference,
        "says": _by_language(finding.says),
        "remedy": _by_language(finding.remedy),
        "doubt": _by_language(row.doubt.of) if row.doubt else None,
    }


def _by_language(words: Any) -> Mapping[str, str]:
    return {language: words(language) for language in _LANGUAGES}


def _next_of_all(calls: Sequence[Call], facts: Facts, rules: LegalRules) -> datetime | None:
    """Return the first instant from the call on at which it is allowed for each person."""
    at, known = calls[0].at, calls[0].at
    for _ in range(_MOST_ROUNDS):
        found = [find_next_allowed(call.moved_to(at), facts, rules, known) for call in calls]
        nexts = [one for one in found if one is not None]
        if len(nexts) < len(found):
            return None
        if max(nexts) == min(nexts):
            return nexts[0]
        at = max(nexts)
    return None


def explain_refusal(reply: Reply) -> Mapping[str, Any]:
    """Return what is said of a refusal of the gate itself."""
    words = REFUSALS.get(reply.reasons)
    says = None if words is None else _by_language(words.of)
    return {"answer": "refuse", "reasons": [{"id": reply.reasons, "says": says}]}


def explain_repeat(reply: Reply, found: Mapping[str, Any] | None) -> Reply:
    """Return the reply to a repeat with what explains it, where that is what was decided then.

    Where facts learnt since lead to other findings, only the rows are named.
    """
    ids = reply.reasons.split()
    same = found is not None and list(dict.fromkeys(r["id"] for r in found["reasons"])) == ids
    answer = "allow" if reply.status == 200 else "refuse"
    plain = {"answer": answer, "reasons": [{"id": name} for name in ids]}
    return Reply(reply.status, reply.text, reply.reasons, found if same else plain)
