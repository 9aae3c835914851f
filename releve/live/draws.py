"""Draws of visits, recorded step by step, and the pack with which anyone computes one again."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from releve.ledger import chain as ledger
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import load_last_root
from releve.live.clock import LIVE, now
from releve.live.current_operator import operator_now
from releve.live.errors import NoSuch
from releve.live.event_service import RecordResult, record
from releve.live.situation_cache import situation_now
from releve.situation import (
    DrawFramed,
    DrawHeld,
    DrawPlan,
    DrawPlanned,
    DrawPresent,
    DrawRevealed,
    DrawVisitMissed,
    Event,
    InspectionHeld,
    build_frame,
    event_from_json,
)

__all__ = [
    "build_draw_pack",
    "find_draw_plan",
    "hold_draw",
    "preview_draw",
    "record_draw_event",
    "record_frame",
]

_PACKED = (
    DrawPlanned, DrawFramed, DrawPresent, DrawRevealed, DrawHeld, DrawVisitMissed, InspectionHeld,
)  # fmt: skip


def find_draw_plan(plan: str, stream: str = LIVE) -> DrawPlan:
    """Return a plan of draws; NoSuch where there is none of this id."""
    found = situation_now(stream).draws.get(plan)
    if found is None:
        raise NoSuch(f"there is no plan of draws {plan!r}")
    return found


def record_draw_event(
    kind: type[Event], values: dict[str, Any], *, by: str, stream: str = LIVE
) -> RecordResult:
    """Record an event of a draw as of now; EventFaults or Refused name what is wrong."""
    event_id, at = uuid.uuid4().hex, now(stream)
    own = {"id": event_id, "happened_at": at, "recorded_at": at, "actor": by}
    return record(event_from_json(kind.kind, values | own), key=event_id, stream=stream)


def record_frame(plan: str, day: date, *, by: str, stream: str = LIVE) -> RecordResult:
    """Record the frame of a day by the plan's rule, before the day begins."""
    planned = find_draw_plan(plan, stream).planned
    units = build_frame(planned, situation_now(stream), operator_now(), day)
    at, event_id = now(stream), uuid.uuid4().hex
    event = DrawFramed(
        id=event_id, happened_at=at, recorded_at=at, actor=by, plan=plan, day=day, units=units
    )
    return record(event, key=event_id, stream=stream)


def hold_draw(
    plan: str, day: date, *, by: str, withheld: str = "", stream: str = LIVE
) -> tuple[str, ...]:
    """Draw the visits of a day from the links on record, record them and return them.

    ``withheld`` names the party whose link is missing. DrawError without a link at all.
    """
    found, situation = find_draw_plan(plan, stream), situation_now(stream)
    if day not in found.frames:
        raise NoSuch(f"there is no frame of {day}: nothing can be drawn for it")
    sites = (site.id for site in operator_now().sites)
    closed = tuple(site for site in sites if situation.site(site).closure is not None)
    visits = found.draw(day, withheld, closed).chosen
    values = {"plan": plan, "day": day, "withheld": withheld, "closed": closed, "visits": visits}
    record_draw_event(DrawHeld, values, by=by, stream=stream)
    return visits


def preview_draw(plan: str, day: date, link: str, *, stream: str = LIVE) -> tuple[str, ...]:
    """Return the visits of a day from a link of the commission that is not recorded by this.

    DrawError where the link or the day does not fit.
    """
    found, situation = find_draw_plan(plan, stream), situation_now(stream)
    sites = (site.id for site in operator_now().sites)
    closed = [site for site in sites if situation.site(site).closure is not None]
    return found.preview(day, link.strip(), closed).chosen


def build_draw_pack(plan: str, day: date, stream: str = LIVE) -> dict[str, Any]:
    """Return a proof of each entry that the draw of a day rests on, and of the visits made.

    NoSuch where no root covers them yet, or the plan is not on record.
    """
    find_draw_plan(plan, stream)
    root = load_last_root()
    rows = [
        row
        for row in ledger.iter_entries(stream, kinds=[kind.kind for kind in _PACKED])
        if _is_of_day(row, plan, day)
    ]
    if root is None or any(row.seq > root.size for row in rows):
        raise NoSuch("the draw is not under a signed root yet: run `releve ledger seal` first")
    proofs = [prove_entry(row.seq, root) for row in rows]
    return {"day": day.isoformat(), "format": "releve draw 1", "proofs": proofs}


def _is_of_day(row: ledger.StoredEntry, plan: str, day: date) -> bool:
    """Return whether an entry belongs to the draw of a day; every later link does."""
    if row.kind == InspectionHeld.kind:
        return datetime.fromisoformat(row.body["happened_at"]).date() == day
    if row.body["plan"] != plan:
        return False
    if row.kind == DrawRevealed.kind:
        return bool(row.body["day"] >= day.isoformat())
    return bool(row.kind == DrawPlanned.kind or row.body["day"] == day.isoformat())
