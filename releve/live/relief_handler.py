"""The effect "relief": adapt the placements to losses and absences, and count what changes in people.

It compares the losses with those that the relief in force covers and closes the gap, whatever event
requested it; without a gap it does nothing. A relief that was interrupted, requested twice or
overtaken by a further loss therefore has the same result. Where people are absent, those at work are
moved in their place as far as that serves more calls than it costs; if it does not, nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Q

from releve.demand.requirement import INTERVAL
from releve.errors import ReleveError
from releve.ledger import chain as ledger
from releve.live.aimed_reliefs import MeasuredRelief, measure_relief, take_reliefs
from releve.live.clock import real_now
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    LostLease,
    NewEffect,
    append_entries,
    queue_effects,
    register_aside_hook,
    register_handler,
    run_effects_now,
    still_held,
)
from releve.live.lost_places import NO_LOSS, Loss, find_daily_losses
from releve.live.models import ActivationDay, Effect, Message, Relief, ReliefDay
from releve.live.plans import DayPlan, DaysInForce, list_days_in_force, load_activation, load_day_plan, read_settings
from releve.live.relief_aims import DEFAULT_AIM, RELIEFS, read_relief_choice
from releve.live.relief_solver import (
    ReliefRequest,
    keep_begun,
    look_up_relief,
    prepare_day,
    revert_changes,
    solve_relief,
)
from releve.live.routes import publication_keys, store_routes
from releve.live.situation_cache import situation_now
from releve.live.stream_state import ABSENCES, SURGE, Changes, Scene, build_change, list_working, load_scene
from releve.network import HOME, Operator
from releve.plan import Placement
from releve.plan.coverage import NOTHING, Timeline, count_placed
from releve.plan.problem import Eligibility, count_planned_seats, hold_carried
from releve.plan.result import CARRIED, Carried, build_duty_key, read_agent
from releve.plan.roster import list_carried
from releve.plan.work_changes import KindCount, count_asked, count_kinds, describe_change, encode_kinds


class Overtaken(ReleveError):  # noqa: N818
    """The losses changed, or another relief was stored, while this one was computed."""


class ErasedMeanwhile(ReleveError):  # noqa: N818
    """A person was erased from the plan while this relief was computed; it is tried again."""


@dataclass
class ReliefDraft:
    """The next generation under construction: by day its source, its changes and the loss."""

    source: str = "base"
    days: dict[date, tuple[str, Changes]] = field(default_factory=dict)
    lost: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def changes(self) -> dict[date, Changes]:
        return {day: changes for day, (_source, changes) in self.days.items()}

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
    newest = Relief.objects.filter(stream=effect.stream).first()

    def publish(draft: ReliefDraft) -> Relief:
        relief = _store_generation(effect, scene, draft)
        run_effects_now(publication_keys(relief), effect.claimed_by)
        return relief

    draft = draft_relief(scene, publish, again=newest != scene.relief)
    if draft is None:
        return EffectOutcome({"skipped": "nothing is missing"})
    relief = publish(draft)
    return EffectOutcome({"generation": relief.generation, "source": relief.source})


def draft_relief(
    scene: Scene, first: Callable[[ReliefDraft], object] = lambda draft: None, *, again: bool = False
) -> ReliefDraft | None:
    """Return the relief that the losses and absences of a scene ask for; None: nothing is missing.

    ``first`` receives the first answer to a loss that the plan does not foresee, as soon as there is one.
    ``again``: also where nothing is missing, as what a first answer began is to be completed. A loss is answered by
    the one that its aim takes of several (:func:`releve.live.aimed_reliefs.choose_relief`).
    """
    draft = _draft_relief(scene, first, again=again)
    aim = _find_aim(scene)
    if draft is None or aim == DEFAULT_AIM or not scene.unanswered:
        return draft
    made = _draft_reliefs(scene, {aim: draft})
    taken = take_reliefs(scene, {name: row.changes for name, row in made.items()})[aim].taken
    return _label_draft(scene, made[taken])


def _draft_relief(
    scene: Scene, first: Callable[[ReliefDraft], object] = lambda draft: None, *, again: bool = False
) -> ReliefDraft | None:
    """Return the relief by the settings of the aim alone."""
    missing = scene.unanswered
    draft = _carry_answered_days(scene, missing)
    for number, day in enumerate(missing):
        _answer_day(scene, draft, day, first if number == 0 else None)
    if not missing and not again and not _replace_absent(scene, draft):
        return None
    follow_day_before(scene, draft)
    draft.source = _choose_source(scene, draft, missing)
    return draft


def suppose_relief(scene: Scene) -> Scene:
    """Return a supposed scene with the relief that would be made for it; nothing is stored."""
    draft = draft_relief(scene)
    if draft is None:
        return scene
    return replace(scene, changes=draft.changes)


def compare_aims(scene: Scene) -> dict[str, MeasuredRelief]:
    """Return the relief that each aim takes where something is lost; of the aim in force, the one in force.

    Another is made so once it is chosen, unless something else happens meanwhile or a half hour passes.
    """
    found = take_reliefs(scene, {name: draft.changes for name, draft in _draft_reliefs(scene, {}).items()})
    if not scene.unanswered:
        aim = _find_aim(scene)
        found[aim] = measure_relief(scene, scene.changes, aim)
    return found


def _find_aim(scene: Scene) -> str:
    return next((loss.aim for loss in scene.wanted.values() if loss), "") or read_relief_choice()


def _draft_reliefs(scene: Scene, known: Mapping[str, ReliefDraft]) -> dict[str, ReliefDraft]:
    """Return the reliefs that aims choose from; where nothing is missing by the settings of one, what is in force."""
    drafts = {}
    for name in RELIEFS:
        aim = "" if name == read_relief_choice() else name
        wanted = {day: replace(loss, aim=aim if loss else "") for day, loss in scene.wanted.items()}
        supposed = replace(scene, wanted=wanted)
        drafts[name] = known.get(name) or _draft_relief(supposed) or _carry_answered_days(supposed, ())
    return drafts


def _label_draft(scene: Scene, draft: ReliefDraft) -> ReliefDraft:
    """Return a draft as the answer to the losses of a scene, whatever the aim by which it was made."""
    labelled = ReliefDraft()
    for day, (source, changes) in draft.days.items():
        labelled.answer(day, source, changes, scene.wanted[day])
    labelled.source = _choose_source(scene, labelled, scene.unanswered)
    return labelled


def follow_day_before(scene: Scene, draft: ReliefDraft, replaced: Collection[date] = ()) -> set[str]:
    """Let duties that go on into a day be there what the day before makes of them; return the agents concerned.

    What a relief of the day before moved stays so, unless that place is lost on the day. Of two days of which
    one is ``replaced`` by another plan the day before holds wherever it is lawful on the day and has seats, as
    if the day had been planned beside it. A duty that the data of the two days have otherwise stays as it is.
    """
    moved: set[str] = set()
    for day, following in pairwise(scene.days):
        if following - day != timedelta(days=1):
            continue
        _, changes = draft.days.get(day, ("", scene.changes.get(day, {})))
        source, known = draft.days.get(
            following, (scene.sources.get(following, "carried"), scene.changes.get(following, {}))
        )
        found, after, loss = scene.planned[day].load(), scene.planned[following].load(), scene.wanted[following]
        planned, ends = list_carried(found.plan), found.plan.starts[-1] + INTERVAL
        now = {row.agent: row for row in list_working(found, changes, NO_LOSS, {}) if row.start < ends < row.end}
        has = {row.agent: row for row in list_working(after, known, NO_LOSS, {}) if row.carried}
        stand = _hold(after, now) if not loss and {day, following}.intersection(replaced) else {}
        held = dict(known)
        for agent in _list_going_on(found.operator, after.operator, ends):
            was, row = planned.get(agent), now.get(agent)
            placed = None if row is None else replace(row, duty=CARRIED)
            if placed == has.get(agent) or (row == was and agent not in stand):
                continue
            at_home = row is not None and row.place == HOME
            if row is not None and row.place in loss.sites:
                continue
            if at_home and after.operator.agent[agent].carrier in loss.carriers:
                continue
            reason = changes[was.key][0] if was is not None and was.key in changes else "relief"
            held[build_duty_key(agent, CARRIED)] = build_change(reason, placed)
            moved.add(agent)
        if held != known:
            draft.days[following] = (source, held)
    return moved


def _hold(found: DayPlan, before: Carried) -> Carried:
    """Return those of the day before whose place stands on a day: lawful there, and with seats."""
    legality = Eligibility(found.operator, found.plan.day, read_settings(found.plan))
    seats = count_planned_seats(found.operator, found.plan)
    return hold_carried(found.operator, found.need, before, legality, seats)


def _list_going_on(before: Operator, after: Operator, border: datetime) -> Iterator[str]:
    """Yield the agents with a duty over an instant that two operators have alike."""
    over = {duty.agent: duty for duty in before.duties if duty.start < border < duty.end}
    for duty in after.duties:
        known = over.get(duty.agent)
        if known is not None and (duty.start, duty.end) == (known.start, known.end):
            yield duty.agent


def _replace_absent(scene: Scene, draft: ReliefDraft) -> bool:
    """Put people in the place of those who are absent on days whose losses are answered; return whether any moves.

    Who was reported back to a lost place is given work, or learns that there is none. Where no absence is left
    that changes were made for, and nothing is lost, the plan applies again.
    """
    moved = False
    relief, ends = scene.relief, scene.list_days_to_end()
    for day in scene.days:
        found, changes, loss = scene.day_to_relieve(day), scene.changes.get(day, {}), scene.wanted[day]
        waiting = scene.list_waiting(day)
        if scene.away[day] or waiting:
            at = max(scene.at, found.plan.starts[0])
            if not waiting and not _serves_less(scene, day, at):
                continue
            number = relief.pk if relief and changes else 0
            free = {key: row for key, row in changes.items() if row[1] or read_agent(key) not in waiting}
            after = solve_relief(ReliefRequest(found, free, number, loss, scene.absent, at, scene.lent))
        elif day in ends:
            after = revert_changes(found, changes, scene.at)
        else:
            continue
        if waiting or after != {key: list(row) for key, row in changes.items()}:
            draft.answer(day, SURGE if scene.sources.get(day) == SURGE else ABSENCES, after, loss)
            moved = True
    return moved


def _serves_less(scene: Scene, day: date, since: datetime) -> bool:
    """Return whether a day serves less of what it requires, from an instant on, because of absences."""
    found, changes, loss = scene.day_to_relieve(day), scene.changes.get(day, {}), scene.wanted[day]
    timeline = Timeline(found.plan.starts)
    ahead = np.array([start + INTERVAL > since for start in found.plan.starts])
    left, whole = (
        count_placed(found.operator, timeline, list_working(found, changes, loss, absent, scene.lent))
        for absent in (scene.absent, {})
    )
    required = np.nan_to_num(found.need.agents)
    served = np.minimum(required, whole) - np.minimum(required, left)
    return float(served[ahead].sum()) > NOTHING


def _carry_answered_days(scene: Scene, missing: tuple[date, ...]) -> ReliefDraft:
    """Return a draft with the days whose loss the relief in force covers already."""
    draft = ReliefDraft()
    for day in scene.days:
        if day not in missing and day in scene.changes:
            draft.answer(day, scene.sources[day], scene.changes[day], scene.wanted[day])
    return draft


def _choose_source(scene: Scene, draft: ReliefDraft, missing: tuple[date, ...]) -> str:
    """Return the source of a generation; one for absences alone goes on as that for a surge, which a person ends."""
    found = {draft.days[day][0] for day in missing}
    if not missing:
        return SURGE if scene.relief is not None and scene.relief.source == SURGE else ABSENCES
    return next((name for name in ("optimum", "planned") if name in found), "base")


def _answer_day(scene: Scene, draft: ReliefDraft, day: date, publish: Callable[[ReliefDraft], object] | None) -> None:
    found, loss = scene.day_to_relieve(day), scene.wanted[day]
    changes = scene.changes.get(day, {})
    if not loss:
        _open_day(scene, draft, day)
        return
    answered = scene.answered(day)
    if answered and answered.aim != loss.aim:
        changes = keep_begun(found, changes, scene.at)
        if replace(answered, aim=loss.aim) == loss:  # what is in force serves better than a first answer
            publish = None
    known = None if changes else look_up_relief(found, loss, scene.at)
    if known is not None:
        draft.answer(day, "planned", known, loss)
        return

    def first(changes: dict[str, list[Any]]) -> None:
        if publish is not None:
            early = ReliefDraft("first", dict(draft.days), dict(draft.lost))
            early.answer(day, "first", changes, loss)
            publish(early)

    at = max(scene.at, found.plan.starts[0])
    number = scene.relief.pk if scene.relief and changes else 0
    request = ReliefRequest(found, changes, number, loss, scene.absent, at, scene.lent)
    draft.answer(day, "optimum", solve_relief(request, first), loss)


def _open_day(scene: Scene, draft: ReliefDraft, day: date) -> None:
    """Put the plan of a day in force again, with others in the place of those who are absent: one message each."""
    found, loss, at = scene.day_to_relieve(day), scene.wanted[day], scene.at
    kept: Changes = revert_changes(found, scene.changes.get(day, {}), at)
    opened = replace(scene, changes={**scene.changes, day: kept})
    start = max(at, found.plan.starts[0])
    if scene.absent and _serves_less(opened, day, start):
        number = scene.relief.pk if scene.relief and kept else 0
        after = solve_relief(ReliefRequest(found, kept, number, loss, scene.absent, start, scene.lent))
        if after != kept:
            draft.answer(day, ABSENCES, after, loss)
            return
    draft.answer(day, "base", kept, loss)


def _store_generation(effect: Effect, scene: Scene, draft: ReliefDraft) -> Relief:
    """Store a generation with its routes and effects, unless it was overtaken."""
    with transaction.atomic():
        ledger.lock_head()
        if not still_held(effect):
            raise LostLease(effect.key)
        _refuse_if_overtaken(effect, scene)
        relief = make_generation(
            scene, draft, cause=effect.body["cause"], asked_at=datetime.fromisoformat(effect.body["asked_at"])
        )
        _note_substituted(scene, draft)
        if relief.source != "first":
            queue_effects([build_notify_effect(relief)])
    return relief


def _note_substituted(scene: Scene, draft: ReliefDraft) -> None:
    """Note of those who do not come in whose place others are put: on their programme, during their hours.

    Each person who is moved stands in for one at most.
    """
    rows = Message.objects.filter(stream=scene.stream, kind="agent", replaced=False, substituted=False)
    gone = {row.who: row.pk for row in rows.filter(Q(answer="no") | Q(silent=True)) if row.who in scene.absent}
    if not gone:
        return
    noted, used = set[str](), set[str]()
    for day, (_, changes) in draft.days.items():
        found = scene.planned[day].load()
        whole = list_working(found, scene.changes.get(day, {}), scene.wanted[day], {}, scene.lent)
        before, after = (
            {row.key: row for row in list_working(found, part, scene.wanted[day], scene.absent, scene.lent)}
            for part in (scene.changes.get(day, {}), changes)
        )
        new = [row for key, row in after.items() if before.get(key) != row and row.end > scene.at]
        for left in whole:
            if left.agent not in gone or left.agent in noted or left.end <= scene.at:
                continue
            for row in new:
                meets = row.programme == left.programme and row.start < left.end and left.start < row.end
                if meets and row.agent not in used and row.agent not in gone:
                    used.add(row.agent)
                    noted.add(left.agent)
                    break
    Message.objects.filter(pk__in=[gone[agent] for agent in noted]).update(substituted=True)


def build_notify_effect(relief: Relief) -> NewEffect:
    key = f"notify:{relief.stream}:{relief.generation}"
    return NewEffect(relief.stream, OUTSIDE, "notify", key, {"relief": relief.pk})


def make_generation(scene: Scene, draft: ReliefDraft, *, cause: int, asked_at: datetime) -> Relief:
    """Store the next generation of a scene's stream with its routes and its entry, inside a transaction."""
    kinds = scene.count_changes(draft.changes)
    relief = create_relief(scene, draft, cause=cause, asked_at=asked_at, moved=count_asked(kinds))
    routes = store_routes(scene.stream, relief)
    body = {
        "generation": relief.generation,
        "source": relief.source,
        "cause": relief.cause,
        "lost": relief.lost,
        "moved": relief.moved,
        "kinds": encode_kinds(kinds),
        "routes": routes.number if routes else None,
    }
    append_entries(scene.stream, [("relief.made", body)])
    return relief


def create_relief(scene: Scene, draft: ReliefDraft, *, cause: int, asked_at: datetime, moved: int) -> Relief:
    """Store the next generation of a scene's stream, which concerns ``moved`` agents, inside a transaction."""
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
        moved=moved,
    )
    ReliefDay.objects.bulk_create(
        ReliefDay(relief=relief, day=day, plan_id=scene.planned[day].digest, source=source, changes=changes)
        for day, (source, changes) in draft.days.items()
    )
    return relief


def _refuse_if_overtaken(effect: Effect, scene: Scene) -> None:
    """Raise Overtaken when the losses, the relief or a day's plan changed since the decision.

    A first answer of this very effect does not count: its optimum is what comes next.
    """
    situation = situation_now(scene.stream)
    operator = scene.day_plan(scene.days[0]).operator
    now_lost = find_daily_losses(situation, scene.at, scene.days, operator)
    last = Relief.objects.filter(stream=scene.stream).exclude(source="first").first()
    if now_lost != [scene.wanted[day] for day in scene.days] or last != scene.relief:
        raise Overtaken(effect.key)
    found = list_days_in_force(scene.days[0], scene.days[-1])
    if found != scene.planned:
        raise ErasedMeanwhile(effect.key) if load_activation() == scene.activation else Overtaken(effect.key)


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
            number = scene.relief.pk if scene.relief and changes else 0
            prepare_day(found, changes, number, scene.absent, scene.lent, scene.at)


_Placed = Mapping[str, Placement]
Counts = Mapping[str, tuple[int, int]]
"""Place or programme -> people before and after."""


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """One day of two generations: the people whose work differs, by kind, and people by place.

    ``differing`` counts those of whom an answer is asked: a break at another time is in ``kinds`` alone.
    """

    day: str
    differing: int
    kinds: tuple[KindCount, ...]
    places: Counts
    programmes: Counts


def compare_reliefs(operator: Operator, first: Relief | None, second: Relief) -> tuple[ComparedDay, ...]:
    """Return the days on which two generations differ; None: the plans that the second one changes."""
    found = list_days_in_force(until=second.activation_id)
    base = found if first is None else list_days_in_force(until=first.activation_id)
    changed = {row.day for relief in (first, second) if relief is not None for row in relief.days.all()}
    plans = {day for day in base.keys() & found.keys() if base[day].digest != found[day].digest}
    made = (_compare_day(operator, day, (first, base), (second, found)) for day in sorted(changed | plans))
    return tuple(row for row in made if row.kinds)


_Generation = tuple[Relief | None, DaysInForce]
"""A relief, None for the plans themselves, and the days in force when it was made."""


def _compare_day(operator: Operator, day: date, first: _Generation, second: _Generation) -> ComparedDay:
    before, after = _load_placements(day, *first), _load_placements(day, *second)
    programmes = [row.id for row in operator.programmes]
    lost = () if second[0] is None else second[0].lost.get(day.isoformat(), {}).get("sites", ())
    kinds = count_kinds(
        (read_agent(key), describe_change(before.get(key), after.get(key), lost=lost).kind) for key in {*before, *after}
    )
    return ComparedDay(
        day.isoformat(),
        count_asked(kinds),
        kinds,
        _count_people(before, after, "place", _list_places(operator)),
        _count_people(before, after, "programme", programmes),
    )


def _load_placements(day: date, relief: Relief | None, found: DaysInForce) -> _Placed:
    """Return who works where on a day of a generation, by duty; empty on a day without a plan."""
    if day not in found:
        return {}
    rows = () if relief is None else relief.days.all()
    changes: Mapping[str, Sequence[Any]] = next((row.changes for row in rows if row.day == day), {})
    return {row.key: row for row in list_working(found[day].load(), changes, NO_LOSS, {})}


def _list_places(operator: Operator) -> list[str]:
    return [HOME, *(row.id for row in operator.sites)]


def _count_people(before: _Placed, after: _Placed, by: str, keys: Sequence[str]) -> Counts:
    """Return how many work at each place, or for each programme; without those of no one."""
    had, has = (Counter(getattr(row, by) for row in rows.values()) for rows in (before, after))
    return {key: (had[key], has[key]) for key in keys if had[key] or has[key]}


def list_touching_reliefs(stream: str, programmes: frozenset[str], most: int) -> Iterator[tuple[Relief, int]]:
    """Yield the last reliefs with how many people work differently for some programmes.

    Those that touch none of these are left out, but for the one in force, which is the first.
    """
    for at, relief in enumerate(Relief.objects.filter(stream=stream).prefetch_related("days")[:most]):
        people = _count_touched(relief, programmes)
        if people or at == 0:
            yield relief, people


def _count_touched(relief: Relief, programmes: frozenset[str]) -> int:
    touched: set[str] = set()
    for day in relief.days.all():
        plan = load_day_plan(day.plan_id, _find_version(day.plan_id, relief.activation_id)).plan
        before = {row.key: row.programme for row in plan.placements}
        touched |= {
            read_agent(key)
            for key, (_reason, placed) in day.changes.items()
            if before.get(key) in programmes or (placed is not None and placed[1] in programmes)
        }
    return len(touched)


@lru_cache(maxsize=64)
def _find_version(digest: str, record: int) -> int:
    """Return the version of the reference data with which a plan was in force as of a record."""
    found = ActivationDay.objects.filter(plan_id=digest, activation__lte=record).order_by("-activation_id")
    return found.values_list("activation__version", flat=True)[0]
