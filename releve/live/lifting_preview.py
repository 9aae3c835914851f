"""What a correction and the lifting of a closure would do, in numbers, before they are confirmed.

The situation after them is found by the engine of situations; plan, coverage and messages are those that the live
chain would make of it. Nothing is recorded, and nothing is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from releve.live.clock import now
from releve.live.coverage import compute_scene_coverage
from releve.live.current_rules import select_rules
from releve.live.event_service import sign_event
from releve.live.loss_preview import ClientImpact, list_client_impacts, read_target
from releve.live.models import Relief
from releve.live.notifications import draft_messages
from releve.live.plans import operator_now
from releve.live.relief_handler import suppose_relief
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Scene, load_scene, suppose_situation
from releve.situation import (
    CorrectionOutcome,
    Event,
    EventCorrected,
    LostGround,
    Situation,
    apply_event,
    derive_all_events,
    find_lost_ground,
    foresee_correction,
    lift_closure,
)


@dataclass(frozen=True, slots=True)
class LiftingImpact:
    """What the lifting of a closure would do; counts are None where no plan is in force.

    ``back``: people whose work from now on is another one without the closure; ``agents``, ``managers`` and
    ``clients_notified``: who receives a message; ``clients``: the least coverage of each client as it is, and
    without the closure.
    """

    site: str
    place: str
    back: int | None = None
    agents: int | None = None
    managers: int | None = None
    clients_notified: int | None = None
    clients: tuple[ClientImpact, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectionPreview:
    """What a correction would do: in the situation, and by the lifting that it makes possible, if any."""

    outcome: CorrectionOutcome
    lifting: LiftingImpact | None


def find_ground(stream: str, site: str, reader: str = "") -> LostGround | None:
    """Return the ground that the closure of a site has lost; None where it has it.

    ``reader``: only if others than this person said so, who may then lift it.
    """
    situation = situation_now(stream)
    without = {reader} - {""}
    return find_lost_ground(situation, site, operator_now(), select_rules(situation), now(stream), without)


def build_correction(
    wrong: Event, instead: Event | None, stream: str, by: str, reason: str, truth: str
) -> EventCorrected:
    """Return the correction of a record, with what is true ``instead`` where something happened."""
    true = "" if instead is None else instead.id
    return EventCorrected(**sign_event(stream, by), corrects=wrong.id, reason=reason, truth=truth, instead=true)


def preview_correction(happened: Sequence[Event], stream: str) -> CorrectionPreview:
    """Return what a correction, with the event that says what is true, would do."""
    before, operator, at = situation_now(stream), operator_now(), now(stream)
    rules = select_rules(before)
    stamped = [replace(event, recorded_at=at) for event in happened]
    outcome = foresee_correction(stamped, before, operator, rules, at)
    after = before
    for event in stamped:
        after = apply_event(after, event)
    for event in derive_all_events(after, operator, rules, at):
        after = apply_event(after, event)
    lost = find_lost_ground(after, outcome.site, operator, rules, at) if outcome.site else None
    return CorrectionPreview(outcome, None if lost is None or lost.others else preview_lifting(after, lost, stream))


def preview_lifting(situation: Situation, lost: LostGround, stream: str) -> LiftingImpact:
    """Return what lifting the orders without ground would do in a situation of a stream."""
    known = LiftingImpact(site=lost.site, place=operator_now().site[lost.site].name)
    scene = load_scene(stream)
    if scene is None or not scene.days:
        return known
    opened = suppose_relief(suppose_situation(scene, lift_closure(situation, lost, scene.at)))
    closed, free = compute_scene_coverage(scene), compute_scene_coverage(opened, supposed=True)
    roles = Counter(message.role for message in draft_messages(opened, _draft_relief(opened)))
    return replace(
        known,
        back=len({agent for agent, *_ in _list_working(scene) ^ _list_working(opened)}),
        agents=roles["agent"],
        managers=roles["manager"],
        clients_notified=roles["client"],
        clients=list_client_impacts(closed, closed, free, read_target(scene)),
    )


def _draft_relief(scene: Scene) -> Relief:
    """Return the relief of a supposed scene, which is not stored; of generation 0 where it is the plan itself."""
    lost = {day.isoformat(): loss.as_json() for day, loss in scene.wanted.items() if loss}
    generation = scene.relief.generation if scene.relief is not None and lost else 0
    return Relief(
        stream=scene.stream, generation=generation, source="base", lost=lost, activation=scene.activation, cause=0
    )


def _list_working(scene: Scene) -> set[tuple[str, str, str]]:
    """Return who works where and for what from now on, as (agent, place, programme)."""
    return {
        (row.agent, row.place, row.programme)
        for day in scene.days
        for row in scene.list_placements(day)
        if row.end > scene.at
    }
