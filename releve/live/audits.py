"""Audits of the charter: a sheet recorded as a whole, and entries named as evidence."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from releve.ledger.models import LedgerEntry
from releve.live.clock import LIVE, now
from releve.live.current_operator import operator_now
from releve.live.current_rules import select_rules
from releve.live.errors import NoSuch
from releve.live.event_service import record
from releve.live.situation_cache import situation_now
from releve.situation import (
    AuditSheetFaults,
    CharterAudit,
    SheetFault,
    apply_event,
    find_refusals,
    read_sheet,
)
from releve.situation.audit_sheet import NOT_YOURS

__all__ = ["SheetResult", "find_audit", "find_event_ids", "record_sheet"]


@dataclass(frozen=True, slots=True)
class SheetResult:
    """How many observations of a sheet were recorded, and how many were on record before."""

    recorded: int
    before: int


def find_audit(audit: str, stream: str = LIVE) -> CharterAudit:
    """Return an audit; NoSuch where there is none of this id."""
    found = situation_now(stream).charter_audits.get(audit)
    if found is None:
        raise NoSuch(f"there is no audit {audit!r}")
    return found


def find_event_ids(seqs: Collection[int], stream: str = LIVE) -> dict[int, str]:
    """Return the ids of the events among these entries."""
    rows = LedgerEntry.objects.filter(stream=stream, seq__in=seqs).values_list("seq", "body")
    bodies = {seq: json.loads(written) for seq, written in rows}
    return {seq: body["id"] for seq, body in bodies.items() if isinstance(body.get("id"), str)}


def record_sheet(
    audit: str, content: bytes, *, by: str, sites: Collection[str], stream: str = LIVE
) -> SheetResult:
    """Record the observations of a sheet, all or, on any fault, none.

    ``sites`` are those that the recorder may observe. What was recorded from the same sheet before
    is not recorded twice. AuditSheetFaults names each line that is refused, and why.
    """
    found, operator, situation = find_audit(audit, stream), operator_now(), situation_now(stream)
    rules, faults, new = select_rules(situation), [], []
    rows = read_sheet(content, found, operator, now(stream), by)
    for line, event in rows:
        if situation.event(event.id) is not None:
            continue
        if event.site not in sites:
            faults.append(SheetFault(line, "site", NOT_YOURS))
            continue
        refused = find_refusals(event, situation, operator, rules)
        faults += [SheetFault(line, "measure", row) for row in refused]
        if not refused:
            situation = apply_event(situation, event)
            new.append(event)
    if faults:
        raise AuditSheetFaults(faults)
    for event in new:
        record(event, key=event.id, stream=stream)
    return SheetResult(len(new), len(rows) - len(new))
