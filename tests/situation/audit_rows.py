"""An audit of two sites of the small operator, and a case for every refusal of its events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.situation.rule_chain import START, Chain

__all__ = ["CONCLUDED", "DUE", "FINDING", "OPENED", "ROWS", "answer", "observe", "open_audit"]
__all__ += ["raised", "verify"]

DAY = START.date()
DUE = DAY + timedelta(days=10)
MINUTE = timedelta(minutes=1)
OPENED: dict[str, Any] = {
    "audit": "x1", "body": "Bureau (synthetic)", "sites": ("casa", "rabat"), "charter": "sector",
    "version": "1", "basis": "The two largest sites",
}  # fmt: skip
SEEN: dict[str, Any] = {
    "audit": "x1", "site": "casa", "measure": "masks", "method": "test", "seen_at": START,
    "verdict": "not_kept",
}  # fmt: skip
FINDING: dict[str, Any] = {"audit": "x1", "finding": "f1", "site": "casa", "measure": "masks"}
RAISED: dict[str, Any] = {**FINDING, "severity": "major", "due": DUE, "note": "No fresh masks"}
ANSWERED: dict[str, Any] = {
    **FINDING, "cause": "Supplier late", "action": "Second supplier", "owner": "site", "due": DUE,
}  # fmt: skip
VERIFIED: dict[str, Any] = {**FINDING, "effective": True, "actor": "auditor"}
CONCLUDED: dict[str, Any] = {"audit": "x1", "conclusion": "conforms_with_findings"}


def nothing(chain: Chain) -> None:
    """Nothing happened before."""


def open_audit(chain: Chain) -> None:
    chain.record("audit.opened", actor="auditor", **OPENED)


def observe(chain: Chain, **changes: Any) -> None:
    """Observe a measure now; of an audit that is open."""
    values = SEEN | {"seen_at": chain.now, "actor": "auditor"} | changes
    chain.record("audit.observed", **values)


def observed(chain: Chain) -> None:
    open_audit(chain)
    observe(chain)


def raised(chain: Chain, **changes: Any) -> None:
    """Open an audit, observe masks not kept at casa, and raise a major finding."""
    observed(chain)
    chain.record("finding.raised", actor="auditor", **RAISED | changes)


def answer(chain: Chain) -> None:
    """Answer the finding, as the site lead."""
    chain.record("finding.answered", actor="karim", **ANSWERED)


def verify(chain: Chain, *, effective: bool = True) -> None:
    """Verify the finding, as the auditor."""
    chain.record("finding.verified", **VERIFIED | {"effective": effective})


def answered(chain: Chain) -> None:
    raised(chain)
    answer(chain)


def answered_late(chain: Chain) -> None:
    raised(chain)
    chain.after(hours=1)
    answer(chain)


def long_ago(chain: Chain) -> None:
    """Go back to before the charter."""
    chain.after(days=-3000)


def closed(chain: Chain) -> None:
    answered(chain)
    verify(chain)


def refused_once(chain: Chain) -> None:
    answered(chain)
    verify(chain, effective=False)


def concluded(chain: Chain) -> None:
    raised(chain)
    chain.record("audit.concluded", actor="auditor", **CONCLUDED)


def with_later_check(chain: Chain) -> None:
    open_audit(chain)
    chain.after(hours=1)
    chain.record("check.done", site="casa", day=DAY, symptomatic=0)


def with_foreign_check(chain: Chain) -> None:
    open_audit(chain)
    chain.record("check.done", site="rabat", day=DAY, symptomatic=0)


ROWS: list[tuple[str, Callable[[Chain], None], str, dict[str, Any]]] = [
    ("audit.id_taken", open_audit, "audit.opened", OPENED),
    ("audit.sites", nothing, "audit.opened", OPENED | {"sites": ()}),
    ("audit.sites", nothing, "audit.opened", OPENED | {"sites": ("casa", "casa")}),
    ("audit.no_charter", long_ago, "audit.opened", OPENED),
    ("audit.charter", nothing, "audit.opened", OPENED | {"version": "0"}),
    ("audit.unknown", nothing, "audit.observed", SEEN),
    ("audit.site", open_audit, "audit.observed", SEEN | {"site": "lille"}),
    ("audit.before", open_audit, "audit.observed", SEEN | {"seen_at": START - MINUTE}),
    ("audit.seen_late", open_audit, "audit.observed", SEEN | {"seen_at": START + MINUTE}),
    ("audit.measure", open_audit, "audit.observed", SEEN | {"measure": "singing"}),
    ("photo.digest", open_audit, "audit.observed", SEEN | {"photos": ("x",)}),
    ("audit.no_evidence", open_audit, "audit.observed", SEEN | {"evidence": ("e9",)}),
    ("audit.late_evidence", with_later_check, "audit.observed", SEEN | {"evidence": ("e2",), "happened_at": START}),
    ("audit.other_evidence", with_foreign_check, "audit.observed", SEEN | {"evidence": ("e2",)}),
    ("event.same", observed, "audit.observed", SEEN),
    ("audit.concluded", concluded, "audit.observed", SEEN | {"verdict": "kept"}),
    ("audit.nothing_observed", open_audit, "audit.concluded", CONCLUDED),
    ("audit.findings_open", answered, "audit.concluded", CONCLUDED | {"conclusion": "conforms"}),
    ("audit.without_finding", observed, "audit.concluded", CONCLUDED),
    ("finding.taken", raised, "finding.raised", RAISED),
    ("finding.not_observed", observed, "finding.raised", RAISED | {"measure": "signs"}),
    ("finding.due", observed, "finding.raised", RAISED | {"due": DAY - timedelta(days=1)}),
    ("finding.nothing_said", observed, "finding.raised", RAISED | {"note": " "}),
    ("finding.unknown", raised, "finding.answered", ANSWERED | {"finding": "f2"}),
    ("finding.subject", raised, "finding.answered", ANSWERED | {"measure": "signs"}),
    ("finding.before", raised, "finding.answered", ANSWERED | {"happened_at": START - MINUTE}),
    ("finding.closed", closed, "finding.answered", ANSWERED),
    ("finding.due", raised, "finding.answered", ANSWERED | {"due": DAY - timedelta(days=1)}),
    ("finding.nothing_said", raised, "finding.answered", ANSWERED | {"action": ""}),
    ("finding.not_answered", raised, "finding.verified", VERIFIED),
    ("finding.not_answered", refused_once, "finding.verified", VERIFIED),
    ("finding.verified_before", answered_late, "finding.verified", VERIFIED | {"happened_at": START}),
    ("finding.same_person", answered, "finding.verified", VERIFIED | {"actor": "karim"}),
    ("finding.by_rule", answered, "finding.verified", VERIFIED | {"actor": "rule:x"}),
    ("correction.of_audit", raised, "event.corrected", {"corrects": "e3", "reason": "x"}),
]
