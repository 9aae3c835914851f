"""A relief without a lost place: for absences, or for more calls than planned.

The requirement of the rest of the day is raised with the calls, absent people are left out, and
the solver of every relief decides the moves. The result is a proposal with its price, which a
person puts in force and takes back. A loss that is recorded later starts from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from django.db import transaction

from releve.demand import Forecast, Requirement, compute_requirement
from releve.demand.requirement import INTERVAL
from releve.ledger import chain as ledger
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import append_entries, queue_effects
from releve.live.errors import NoSuch, ProposalChanged
from releve.live.lost_places import Absent, select_absences
from releve.live.models import Relief
from releve.live.plans import DayPlan, read_settings
from releve.live.relief_handler import ReliefDraft, build_notify_effect, make_generation
from releve.live.relief_solver import ReliefRequest, revert_changes, solve_priced_relief
from releve.live.service_day import compute_service_day
from releve.live.stream_state import Changes, Scene, list_working, load_scene
from releve.network import Operator
from releve.plan import Contingency
from releve.plan.extra_hours import ExtraHours, find_extra_hours
from releve.plan.work_changes import KindCount, count_asked

LEAST_FORESEEN, MOST_FACTOR = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class ClientMissing:
    """The share of a client's requirement for the rest of the day that is missing."""

    client: str
    name: str
    before: float
    after: float


@dataclass(frozen=True)
class SurgeProposal:
    """A relief of today, not in force: who would move, and what that costs and brings.

    ``factors`` are calls to come over calls planned, by programme; ``absent`` people are left out
    from now on. ``kinds`` of people work differently; agent half hours are ``missing_before`` and
    ``missing_after``, weighted by the penalty of a call missed, and by client the shares of its
    requirement for the rest of the day. ``digest`` names the moves.
    """

    day: date
    factors: Mapping[str, float]
    absent: int
    changes: Changes
    kinds: tuple[KindCount, ...]
    missing_before: float
    missing_after: float
    clients: tuple[ClientMissing, ...]
    digest: str

    @property
    def moved(self) -> int:
        """The people who work differently."""
        return count_asked(self.kinds)


def foresee_factors(stream: str = LIVE) -> dict[str, float]:
    """Return calls still to come over those planned, by programme, as today's calls foretell them.

    In hundredths. Programmes of which no call of today is known are left out, and a drill has none:
    real calls say nothing of its day. :class:`NoSuch` without a planned day that runs.
    """
    scene = _load_running(stream)
    day = compute_service_day(scene.at, scene) if stream == LIVE else None
    if day is None or day.day != scene.days[0]:
        return {}
    need = scene.day_plan(day.day).need
    to_come = np.array([start + INTERVAL > day.at for start in need.starts])
    planned = dict(zip(need.programmes, need.calls[to_come].sum(axis=0), strict=True))
    found = {
        row.programme: row.rest / planned[row.programme]
        for row in day.programmes
        if row.offered > 0 and row.rest > 0 and planned.get(row.programme, 0) > 0
    }
    return {name: round(min(max(factor, LEAST_FORESEEN), MOST_FACTOR), 2) for name, factor in found.items()}


def list_surge_factors(
    operator: Operator, client: str, percent: int | None, foreseen: Mapping[str, int]
) -> dict[str, float]:
    """Return the factor of each programme of a client, or of all (empty).

    In hundredths: one for all of them but back office, or None: as ``foreseen``.
    """
    rows = [row for row in operator.programmes if client in ("", row.client)]
    if percent is None:
        return {row.id: foreseen[row.id] / 100 for row in rows if row.id in foreseen}
    return {row.id: percent / 100 for row in rows if row.kind != "back_office"}


def propose_surge_relief(factors: Mapping[str, float], stream: str = LIVE) -> SurgeProposal:
    """Return the relief of today for calls of some programmes times a factor, and for absences.

    :class:`NoSuch` without a planned day that runs, ValueError for a factor out of bounds.
    """
    return _solve(_load_running(stream), factors)


def find_more_hours(proposal: SurgeProposal, stream: str = LIVE) -> ExtraHours:
    """Return what longer shifts and people called in would bring beside a proposal, within working time."""
    scene = _load_running(stream)
    found, loss = scene.day_to_relieve(proposal.day), scene.wanted[proposal.day]
    return find_extra_hours(
        found.operator,
        found.plan,
        _raise_requirement(found, proposal.factors).need,
        read_settings(found.plan),
        list_working(found, proposal.changes, loss, scene.absent, scene.lent),
        lost=Contingency("now", "named", "now", loss.sites, loss.carriers),
        since=scene.at,
        absent=_select_absent(scene),
    )


def order_surge_relief(factors: Mapping[str, float], *, digest: str, by: str, stream: str = LIVE) -> Relief:
    """Put a proposal in force: its people are notified, and its routes published.

    :class:`ProposalChanged` where it is another one by now than the one that ``digest`` names.
    """
    scene = _load_running(stream)
    found = _solve(scene, factors)
    if found.digest != digest:
        raise ProposalChanged("the proposal has changed since it was shown: look at it again")
    body = {"moved": found.moved, "factors": dict(factors), "by": by}
    return _store(scene, "surge", {found.day: found.changes}, "relief.ordered", body)


def end_surge_relief(*, by: str, stream: str = LIVE) -> Relief:
    """Go back to the plan after a surge: shifts that have begun stay as they are.

    :class:`NoSuch` where the relief in force is none that a person put in force.
    """
    scene = _load_running(stream)
    if not has_surge_relief(scene) or any(scene.wanted.values()):
        raise NoSuch("no relief for a surge is in force")
    changes = {day: revert_changes(scene.day_plan(day), scene.changes.get(day, {}), scene.at) for day in scene.days}
    return _store(scene, "base", changes, "relief.ended", {"by": by})


def has_surge_relief(scene: Scene | None) -> bool:
    """Return whether a relief for a surge is in force on the day that runs.

    Another plan of another day, put in force meanwhile, leaves it in force.
    """
    if scene is None or not scene.days or scene.days[0] not in scene.changes:
        return False
    last = Relief.objects.filter(stream=scene.stream).exclude(source="plan").first()
    return last is not None and last.source == "surge"


def _select_absent(scene: Scene) -> Absent:
    """Return the absences that meet the rest of the running day."""
    return select_absences(scene.absent, scene.at, scene.day_plan(scene.days[0]).plan.starts[-1] + INTERVAL)


def _load_running(stream: str) -> Scene:
    scene = load_scene(stream)
    if scene is None or not scene.days:
        raise NoSuch("no plan is in force for the hours ahead")
    starts = scene.day_plan(scene.days[0]).plan.starts
    if not starts[0] <= scene.at < starts[-1] + INTERVAL:
        raise NoSuch("no planned day runs now")
    return scene


def _solve(scene: Scene, factors: Mapping[str, float]) -> SurgeProposal:
    day = scene.days[0]
    found = scene.day_to_relieve(day)
    unknown = sorted(set(factors) - set(found.need.programmes))
    if unknown:
        raise ValueError(f"no programme {unknown[0]!r} is planned on {day}")
    for name, factor in factors.items():
        if not 0 < factor <= MOST_FACTOR:
            raise ValueError(f"a factor must be above 0 and at most {MOST_FACTOR:g}, got {factor:g} for {name}")
    if day in scene.unanswered:
        raise ProposalChanged("the relief of a loss is being made: look again in a few seconds")
    surged = _raise_requirement(found, factors)
    before = scene.changes.get(day, {})
    number = scene.relief.pk if scene.relief and before else 0
    request = ReliefRequest(surged, before, number, scene.wanted[day], scene.absent, scene.at, scene.lent)
    changes, solved = solve_priced_relief(request)
    names = dict(found.plan.clients)
    return SurgeProposal(
        day=day,
        factors=dict(factors),
        absent=len(_select_absent(scene)),
        changes=changes,
        kinds=scene.count_changes({day: changes}),
        missing_before=solved.unrelieved,
        missing_after=solved.penalty,
        clients=tuple(
            ClientMissing(name, names[name], share, solved.missing[name])
            for name, share in solved.missing_unrelieved.items()
        ),
        digest=_name_proposal(scene, changes),
    )


def _name_proposal(scene: Scene, changes: Changes) -> str:
    relief = scene.relief.pk if scene.relief else 0
    text = json.dumps([scene.activation.pk, relief, changes], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()


def _raise_requirement(found: DayPlan, factors: Mapping[str, float]) -> DayPlan:
    """Return a day whose requirement is that of more or fewer calls.

    The plan's own requirement, which may hold a quantile, is raised in the proportion in which the
    agents for the mean rise: less than the calls, as large groups answer more each.
    """
    text = json.dumps(sorted(factors.items()))
    if all(factor == 1.0 for factor in factors.values()):
        return found
    scale = np.array([factors.get(name, 1.0) for name in found.need.programmes])
    planned, raised = _compute_agents(found, 1.0), _compute_agents(found, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((planned.agents > 0) & (scale != 1.0), raised.agents / planned.agents, 1.0)
    need = replace(found.need, agents=found.need.agents * ratio, calls=found.need.calls * scale)
    return replace(found, need=need, digest=f"{found.digest}:{text}")


def _compute_agents(found: DayPlan, scale: Any) -> Requirement:
    need, operator = found.need, found.operator
    calls = need.calls * scale
    forecast = Forecast(
        programmes=need.programmes,
        starts=need.starts,
        open=np.nan_to_num(need.calls) > 0,
        mean=calls,
        quantiles={},
        aht_s=need.aht_s,
        day_factor_cv=np.zeros(len(need.programmes)),
        unknown={},
    )
    rows = [operator.programme[name] for name in need.programmes]
    return compute_requirement(forecast, rows, need.day, found.plan.time_zone, day_start=operator.day_start)


def _store(scene: Scene, source: str, changes: Mapping[date, Changes], kind: str, body: dict[str, Any]) -> Relief:
    """Store a generation that answers the losses of the one before; queue routes and messages."""
    with transaction.atomic():
        ledger.lock_head()
        fresh = load_scene(scene.stream)
        if fresh is None or (fresh.relief, fresh.activation, fresh.wanted) != (
            scene.relief, scene.activation, scene.wanted,
        ):  # fmt: skip
            raise ProposalChanged("another relief was made meanwhile: look again")
        draft = ReliefDraft(source)
        for day in scene.days:
            rows = changes.get(day, scene.changes.get(day, {}))
            made_by = source if day in changes else scene.sources.get(day, "carried")
            if rows or scene.answered(day):
                draft.answer(day, made_by, rows, scene.answered(day))
        append_entries(scene.stream, [(kind, body)])
        place = ledger.read_head(scene.stream)
        relief = make_generation(scene, draft, cause=place.seq, asked_at=real_now())
        queue_effects([build_notify_effect(relief)])
    return relief
