"""The effect "relief": adapt the placements to the losses.

It compares the losses with those that the relief in force covers and closes the gap, whatever event
requested it; without a gap it does nothing. A relief that was interrupted, requested twice or
overtaken by a further loss therefore has the same result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from releve.errors import ReleveError
from releve.ledger import chain as ledger
from releve.live.clock import real_now
from releve.live.effect_handlers import register_aside_hook, register_handler, run_effects_now
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    LostLease,
    NewEffect,
    append_entries,
    queue_effects,
    still_held,
)
from releve.live.lost_places import Loss, find_daily_losses
from releve.live.models import Activation, Effect, Relief, ReliefDay
from releve.live.relief_solver import (
    ReliefRequest,
    look_up_relief,
    prepare_day,
    revert_changes,
    solve_relief,
)
from releve.live.routes import publication_keys, store_routes
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Changes, Scene, load_scene

__all__ = [
    "ReliefDraft",
    "build_notify_effect",
    "create_relief",
    "make_relief",
    "warm_up",
]


class Overtaken(ReleveError):  # noqa: N818
    """The losses changed, or another relief was stored, while this one was computed."""


class ErasedMeanwhile(ReleveError):  # noqa: N818
    """A person was erased from the plan while this relief was computed; it is tried again."""


@dataclass
class ReliefDraft:
    """The next generation under construction: by day its source, its changes and the loss."""

    source: str = "base"
    days: dict[date, tuple[str, Changes]] = field(default_factory=dict)
    lost: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def answer(self, day: date, source: str, changes: Changes, loss: Loss) -> None:
        self.days[day] = (source, changes)
        if loss:
            self.lost[day.isoformat()] = loss.as_json()


@register_handler("relief")
def make_relief(effect: Effect) -> EffectOutcome:
    """Make and store the missing relief, if any; publish its routes at once, then notify people.

    For a loss that the plan does not foresee, the first answer is stored and routed before the
    optimum replaces it.
    """
    scene = load_scene(effect.stream, before_first=True)
    if scene is None or not scene.days:
        return EffectOutcome({"skipped": "no plan in force"})
    try:
        return _decide_relief(effect, scene)
    except Overtaken:
        return EffectOutcome({"skipped": "overtaken"})


def _decide_relief(effect: Effect, scene: Scene) -> EffectOutcome:
    missing = scene.unanswered
    newest = Relief.objects.filter(stream=effect.stream).first()
    if not missing and (newest is None or newest == scene.relief):
        return EffectOutcome({"skipped": "nothing is missing"})
    draft = _carry_answered_days(scene, missing)
    for number, day in enumerate(missing):
        _answer_day(effect, scene, draft, day, hurry=number == 0)
    draft.source = _choose_source(draft, missing)
    relief = _store_generation(effect, scene, draft)
    run_effects_now(publication_keys(relief), effect.claimed_by)
    return EffectOutcome({"generation": relief.generation, "source": relief.source})


def _carry_answered_days(scene: Scene, missing: tuple[date, ...]) -> ReliefDraft:
    """Return a draft with the days whose loss the relief in force covers already."""
    draft = ReliefDraft()
    for day in scene.days:
        if day not in missing and day in scene.changes:
            draft.answer(day, "carried", scene.changes[day], scene.wanted[day])
    return draft


def _choose_source(draft: ReliefDraft, missing: tuple[date, ...]) -> str:
    found = {draft.days[day][0] for day in missing}
    return next((name for name in ("optimum", "planned") if name in found), "base")


def _answer_day(
    effect: Effect, scene: Scene, draft: ReliefDraft, day: date, *, hurry: bool
) -> None:
    found, loss = scene.day_to_relieve(day), scene.wanted[day]
    changes = scene.changes.get(day, {})
    if not loss:
        draft.answer(day, "base", revert_changes(found, changes, scene.at), loss)
        return
    known = None if changes else look_up_relief(found, loss, scene.at)
    if known is not None:
        draft.answer(day, "planned", known, loss)
        return

    def first(changes: dict[str, list[Any]]) -> None:
        if hurry:
            early = ReliefDraft("first", dict(draft.days), dict(draft.lost))
            early.answer(day, "first", changes, loss)
            relief = _store_generation(effect, scene, early)
            run_effects_now(publication_keys(relief), effect.claimed_by)

    at = max(scene.at, found.plan.starts[0])
    number = scene.relief.pk if scene.relief and changes else 0
    request = ReliefRequest(found, changes, number, loss, scene.absent, at)
    draft.answer(day, "optimum", solve_relief(request, first), loss)


def _store_generation(effect: Effect, scene: Scene, draft: ReliefDraft) -> Relief:
    """Store a generation with its routes and effects, unless it was overtaken."""
    with transaction.atomic():
        ledger.lock_head()
        if not still_held(effect):
            raise LostLease(effect.key)
        _refuse_if_overtaken(effect, scene)
        relief = create_relief(
            scene,
            draft,
            cause=effect.body["cause"],
            asked_at=datetime.fromisoformat(effect.body["asked_at"]),
        )
        routes = store_routes(effect.stream, relief)
        body = {
            "generation": relief.generation,
            "source": relief.source,
            "cause": relief.cause,
            "lost": relief.lost,
            "moved": relief.moved,
            "routes": routes.number if routes else None,
        }
        append_entries(effect.stream, [("relief.made", body)])
        if relief.source != "first":
            queue_effects([build_notify_effect(relief)])
    return relief


def build_notify_effect(relief: Relief) -> NewEffect:
    key = f"notify:{relief.stream}:{relief.generation}"
    return NewEffect(relief.stream, OUTSIDE, "notify", key, {"relief": relief.pk})


def create_relief(scene: Scene, draft: ReliefDraft, *, cause: int, asked_at: datetime) -> Relief:
    """Store the next generation of a scene's stream, inside the caller's transaction."""
    last = Relief.objects.filter(stream=scene.stream).first()
    relief = Relief.objects.create(
        stream=scene.stream,
        generation=last.generation + 1 if last else 1,
        source=draft.source,
        lost=draft.lost,
        activation=scene.activation,
        cause=cause,
        from_at=scene.at,
        asked_at=asked_at,
        made_at=real_now(),
        moved=scene.count_moved({day: changes for day, (_, changes) in draft.days.items()}),
    )
    ReliefDay.objects.bulk_create(
        ReliefDay(
            relief=relief,
            day=day,
            plan_id=scene.activation.days[day.isoformat()],
            source=source,
            changes=changes,
        )
        for day, (source, changes) in draft.days.items()
    )
    return relief


def _refuse_if_overtaken(effect: Effect, scene: Scene) -> None:
    """Raise Overtaken when the losses or the relief changed since the decision.

    A first answer of this very effect does not count: its optimum is what comes next.
    """
    situation = situation_now(scene.stream)
    zone_name = scene.day_plan(scene.days[0]).plan.time_zone
    now_lost = find_daily_losses(situation, scene.at, scene.days, zone_name)
    reliefs = Relief.objects.filter(stream=scene.stream, activation=scene.activation)
    last = reliefs.exclude(source="first").first()
    if now_lost != [scene.wanted[day] for day in scene.days] or last != scene.relief:
        raise Overtaken(effect.key)
    days = Activation.objects.values_list("days", flat=True).get(pk=scene.activation.pk)
    if days != scene.activation.days:
        raise ErasedMeanwhile(effect.key)


@register_aside_hook("relief")
def _notify_of_first_answer(effect: Effect) -> None:
    """Notify people of a first answer that no optimum will replace."""
    relief = Relief.objects.filter(stream=effect.stream).first()
    if relief is not None and relief.source == "first":
        with transaction.atomic():
            ledger.lock_head()
            queue_effects([build_notify_effect(relief)])


def warm_up(stream: str) -> None:
    """Prepare the rest of today for an unforeseen loss, if nothing is prepared yet."""
    scene = load_scene(stream, before_first=True)
    if scene is None:
        return
    for day in scene.days:
        found = scene.day_to_relieve(day)
        if found.plan.starts[0] <= scene.at:
            changes = scene.changes.get(day, {})
            prepare_day(
                found, changes, scene.relief.pk if scene.relief and changes else 0, scene.at
            )
