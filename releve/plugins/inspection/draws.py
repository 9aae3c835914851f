"""Draws of visits, recorded step by step, and the pack with which anyone computes one again.

Audits of the charter: a sheet recorded as a whole, and entries named as evidence.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from releve.errors import Phrase
from releve.ledger import chain as ledger
from releve.ledger.digests import parse_canonical
from releve.ledger.disclosure import disclose_values, prove_entry, prove_growth
from releve.ledger.guards import ProofError
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.roots import RotatedRoot, SignedRoot, build_checkpoint, iter_roots, load_last_root, load_root
from releve.ledger.seal import TALLY_KIND as TALLIED
from releve.ledger.seal import name_count
from releve.ledger.witnesses import list_cosignatures
from releve.live.api import LIVE, NoSuch, RecordResult, now, operator_now, record, select_rules, situation_now
from releve.plugins.inspection.engine.oscal import NOT_YOURS, AuditSheetFaults, SheetFault, read_sheet
from releve.situation import (
    CharterAudit,
    DrawFramed,
    DrawHeld,
    DrawJoined,
    DrawPlan,
    DrawPlanned,
    DrawPresent,
    DrawRevealed,
    DrawVisitMissed,
    Event,
    EventRefusal,
    InspectionHeld,
    Situation,
    apply_event,
    build_frame,
    event_from_json,
    find_refusals,
    refuse,
)
from releve.situation.draw_chains import DrawError

_OF_PLAN = (DrawPlanned.kind, DrawJoined.kind)
_OF_DAY = (DrawPresent.kind, DrawRevealed.kind, DrawHeld.kind, DrawVisitMissed.kind, InspectionHeld.kind)


def find_draw_plan(plan: str, stream: str = LIVE) -> DrawPlan:
    """Return a plan of draws; NoSuch where there is none of this id."""
    found = situation_now(stream).draws.get(plan)
    if found is None:
        raise NoSuch(f"there is no plan of draws {plan!r}")
    return found


def record_draw_event(kind: type[Event], values: dict[str, Any], *, by: str, stream: str = LIVE) -> RecordResult:
    """Record an event of a draw as of now; EventFaults or Refused name what is wrong."""
    event_id, at = uuid.uuid4().hex, now(stream)
    own = {"id": event_id, "happened_at": at, "recorded_at": at, "actor": by}
    event = event_from_json(kind.kind, values | own)
    judge = build_draw_check(event, stream)
    return record(event, key=event_id, stream=stream, judge=judge)


def build_draw_check(event: Event, stream: str) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses an event of a draw by what the ledger holds beyond its stream.

    An anchor that a plan of another stream used (a drill tells the links of its days), a root that
    is not of this ledger or does not cover the plan, and a link of the commission for a frame that
    no root covers: it would let the operator choose the frame.
    """

    def judge(situation: Situation) -> Iterator[EventRefusal]:
        if isinstance(event, DrawPlanned):
            yield from _check_anchor(event.operator_anchor, stream)
        elif isinstance(event, DrawJoined):
            yield from _check_anchor(event.commission_anchor, stream)
            if event.plan in situation.draws:
                yield from _check_root(event, stream)
        elif isinstance(event, DrawRevealed) and event.party == "commission":
            plan = situation.draws.get(event.plan)
            known = plan is not None and event.day in plan.frames
            if known and not _is_frame_sealed(event.plan, event.day, stream):
                yield refuse("draw.not_sealed", day=event.day)

    return judge


def join_draws(plan: str, anchor: str, root: dict[str, Any], *, by: str, stream: str = LIVE) -> RecordResult:
    """Record the commission's anchor, and the root under which it was shown the plan.

    ``root`` is what the file of a root holds. NoSuch where it is not a root of this ledger over the
    plan; Refused where an anchor was used before, in whichever stream.
    """
    find_draw_plan(plan, stream)
    try:
        kept = load_root(int(root["root"]["number"]))
    except (KeyError, TypeError, ValueError, ProofError):
        kept = None
    if kept is None or parse_canonical(kept.text) != root:
        raise NoSuch("the file is not a root of this ledger: take the one that the commission sent")
    if kept.size < _find_entry(DrawPlanned.kind, plan, stream):
        raise NoSuch(f"root {kept.number} does not cover the plan: the commission needs a later one")
    values = {
        "plan": plan, "commission_anchor": anchor, "root_number": kept.number,
        "root_size": kept.size, "root_tree": root["root"]["tree"],
    }  # fmt: skip
    return record_draw_event(DrawJoined, values, by=by, stream=stream)


def _is_frame_sealed(plan: str, day: date, stream: str) -> bool:
    root = load_last_root()
    return root is not None and root.size >= _find_entry(DrawFramed.kind, plan, stream, day)


def _find_entry(kind: str, plan: str, stream: str, day: date | None = None) -> int:
    """Return the number of a plan's entry of a kind; NoSuch where there is none."""
    for row in ledger.iter_entries(stream, kinds=[kind]):
        if row.body["plan"] == plan and (day is None or _read_day(row) == day):
            return row.seq
    raise NoSuch(f"there is no frame of {day}: nothing can be drawn for it")


def _read_day(row: ledger.StoredEntry) -> date:
    return date.fromisoformat(row.body["day"])


def _check_anchor(anchor: str, stream: str) -> Iterator[EventRefusal]:
    """Yield the use of an anchor in another stream; that in its own is checked with the event."""
    for row in ledger.iter_entries(None, kinds=_OF_PLAN):
        used = (row.body.get("operator_anchor"), row.body.get("commission_anchor"))
        if row.stream != stream and anchor in used:
            yield refuse("draw.anchor_used", plan=row.body["plan"])


def _check_root(event: DrawJoined, stream: str) -> Iterator[EventRefusal]:
    """Yield why a root is not the one under which the commission was shown the plan."""
    try:
        root = load_root(event.root_number)
    except ProofError:
        root = None
    stated = (event.root_size, event.root_tree)
    if root is None or (root.size, parse_canonical(root.statement)["tree"]) != stated:
        yield refuse("draw.root_unknown", number=event.root_number)
    elif root.size < _find_entry(DrawPlanned.kind, event.plan, stream):
        yield refuse("draw.root_early", number=event.root_number)


def record_frame(plan: str, day: date, *, by: str, stream: str = LIVE) -> RecordResult:
    """Record the frame of a day by the plan's rule, before the day begins."""
    planned = find_draw_plan(plan, stream).planned
    units = build_frame(planned, situation_now(stream), operator_now(), day)
    at, event_id = now(stream), uuid.uuid4().hex
    event = DrawFramed(id=event_id, happened_at=at, recorded_at=at, actor=by, plan=plan, day=day, units=units)
    return record(event, key=event_id, stream=stream)


def hold_draw(plan: str, day: date, *, by: str, withheld: str = "", stream: str = LIVE) -> tuple[str, ...]:
    """Draw the visits of a day from the links on record, record them and return them.

    ``withheld`` names the party whose link is missing. DrawError without a link at all.
    """
    found = find_draw_plan(plan, stream)
    if day not in found.frames:
        raise NoSuch(f"there is no frame of {day}: nothing can be drawn for it")
    visits = found.draw(day, withheld).chosen
    values = {"plan": plan, "day": day, "withheld": withheld, "visits": visits}
    record_draw_event(DrawHeld, values, by=by, stream=stream)
    return visits


def preview_draw(plan: str, day: date, link: str, *, stream: str = LIVE) -> tuple[str, ...]:
    """Return the visits of a day from a link of the commission that is not recorded by this.

    DrawError where the link or the day does not fit, or no root covers the frame of the day: the
    commission holds it first, or its link would let the operator choose the frame.
    """
    visits = find_draw_plan(plan, stream).preview(day, link.strip()).chosen
    if not _is_frame_sealed(plan, day, stream):
        raise DrawError(
            Phrase(
                "The frame of the day is not under a signed root: ask the continuity manager to seal what is"
                " recorded so far, with an evidence pack, and use the link once you hold that root."
            )
        )
    return visits


def build_draw_pack(plan: str, day: date | None = None) -> dict[str, Any]:
    """Return what a reader needs to verify a plan, or with a ``day`` its draw.

    The entries stand with their proofs under the newest root. Beside them stand the roots since the
    plan, each shown to be the beginning of the newest one, so that a reader may hold any of them;
    and with a day the tallies since the plan with every frame that they list, so that no second
    frame of the day can be hidden. NoSuch where no root covers it all, or there is no such plan.
    """
    find_draw_plan(plan)
    planned = _find_entry(DrawPlanned.kind, plan, LIVE)
    kinds = (*_OF_PLAN, *(() if day is None else (DrawFramed.kind, *_OF_DAY)))
    rows = [row for row in ledger.iter_entries(LIVE, planned - 1, kinds=kinds) if _is_packed(row, plan, day)]
    root = load_last_root()
    if root is None or any(row.seq > root.size for row in rows):
        raise NoSuch("the draw is not under a signed root yet: run `releve ledger seal` first")
    shown = [_show_entry(row.seq, root) for row in rows]
    if day is not None:
        tallies = LedgerEntry.objects.filter(kind=TALLIED, seq__gt=planned, seq__lte=root.size)
        shown += [_show_entry(seq, root) for seq in tallies.values_list("seq", flat=True)]
    return {
        "day": "" if day is None else day.isoformat(),
        "entries": sorted(shown, key=lambda one: int(one["entry"]["seq"])),
        "format": "releve draw 2",
        "plan": plan,
        "roots": [_show_root(one, root) for one in iter_roots() if one.size >= planned],
        **parse_canonical(root.text),
    }


def _is_packed(row: ledger.StoredEntry, plan: str, day: date | None) -> bool:
    """Return whether a pack shows an entry: every frame, and of its plan what bears on the day."""
    if row.kind == DrawFramed.kind:
        return True
    if row.kind == InspectionHeld.kind:
        return datetime.fromisoformat(row.body["happened_at"]).date() == day
    if row.body["plan"] != plan or day is None or row.kind in _OF_PLAN:
        return bool(row.body["plan"] == plan)
    later = row.kind == DrawRevealed.kind and _read_day(row) > day  # tells the links before it
    return later or _read_day(row) == day


def _show_entry(seq: int, root: SignedRoot) -> dict[str, Any]:
    proof = prove_entry(seq, root)
    own = PersonalValue.objects.filter(entry=seq, path=name_count(DrawFramed.kind))
    return {name: proof[name] for name in ("entry", "hash", "path")} | {"values": disclose_values(own)}


def _show_root(one: SignedRoot, newest: SignedRoot) -> dict[str, Any]:
    """Return a root with the proof that the newest one grew from it, and its cosignatures."""
    lines = list_cosignatures(one)
    try:
        note = build_checkpoint(one) + lines if lines else ""
    except RotatedRoot:  # the key that signs checkpoints is gone; a reader takes the root's file
        note = ""
    path = prove_growth(one, newest)["path"]
    return {"checkpoint": note, "path": path, **parse_canonical(one.text)}


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


def record_sheet(audit: str, content: bytes, *, by: str, sites: Collection[str], stream: str = LIVE) -> SheetResult:
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
