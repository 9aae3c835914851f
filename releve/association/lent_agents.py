"""Own agents named for a contract, and their recall when a loss makes own clients need them.

The agents come from those that the plan in force can spare (:func:`releve.plan.spare.find_spare`).
They count as absent while the contract is in force. When a place is lost and the relief in force
leaves an own client short of what these agents would serve, the contract is recalled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from releve.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    find_own_party,
    list_contracts,
    load_contract,
    take_step,
)
from releve.association.drafts import load_planned_day
from releve.association.models import LentAgent
from releve.association.partner_agents import IN_FORCE, count_agents
from releve.errors import Phrase
from releve.ledger.chain import append, lock_head
from releve.live import api as live
from releve.live.drills import list_running_streams
from releve.live.plans import read_settings
from releve.network import HOME, zone
from releve.plan.spare import SpareAgent, find_spare
from releve.sector import ContractTerms, SectorError

__all__ = [
    "choose_agents",
    "find_agents_to_lend",
    "lend_agents",
    "lend_from_plan",
    "recall_lent",
    "require_giver",
]

_ROUNDING = 1e-6
"""A shortfall below this, in agents, is rounding."""


def lend_from_plan(contract: str, now: datetime, *, stream: str = RELIEF) -> tuple[str, ...]:
    """Name the agents for a contract from those that the plan in force can spare; return them.

    SectorError where no plan in force has its day, or can spare as many as were agreed.
    """
    chosen = find_agents_to_lend(contract, stream)
    lend_agents(contract, chosen, now, stream=stream)
    return chosen


def require_giver(contract: str, stream: str) -> ContractTerms:
    """Return the terms of a contract; SectorError unless this installation is its giver."""
    stored = load_contract(contract, stream)
    terms = stored.contract.terms
    if find_own_party(stored) != terms.giver:
        raise SectorError(
            Phrase("contract {0}: only its giver, {1}, names agents", contract, terms.giver)
        )
    return terms


def find_agents_to_lend(contract: str, stream: str) -> tuple[str, ...]:
    """Return agents for a contract from those that the plan in force can spare; a solver's search.

    SectorError as of :func:`lend_from_plan`.
    """
    terms = load_contract(contract, stream).contract.terms
    day = terms.starts_at.astimezone(zone(terms.time_zone)).date()
    found = load_planned_day(day)
    others = set(
        LentAgent.objects.filter(drill=stream == DRILL).exclude(contract=contract)
        .values_list("agent", flat=True)
    )  # fmt: skip
    skill = ":".join(terms.skill.split(":")[:2])
    settings = read_settings(found.plan)
    spare = find_spare(found.operator, found.plan, found.need, settings, skills=(skill,))
    free = [one for one in spare.agents if one.agent not in others]
    return choose_agents(terms, free, found.plan.starts)


def choose_agents(
    terms: ContractTerms, spare: Iterable[SpareAgent], starts: Sequence[datetime]
) -> tuple[str, ...]:
    """Return agents who together work the half hours agreed, the most useful first.

    ``starts`` are the plan's half hours, which ``SpareAgent.half_hours`` counts. SectorError where
    there are too few.
    """
    left = {t: n for t, at in enumerate(starts) if (n := count_agents(terms, at))}
    fitting = {
        one.agent: set(one.half_hours)
        for one in spare
        if one.destination == terms.destination
        and f"{one.skill}:{'home' if one.place == HOME else 'site'}:".startswith(f"{terms.skill}:")
    }
    chosen = []
    while any(left.values()):
        agent = max(
            fitting, default="",
            key=lambda name: (sum(left.get(t, 0) > 0 for t in fitting[name]), name),
        )  # fmt: skip
        helps = [t for t in fitting.pop(agent, ()) if left.get(t)]
        if not helps:
            short = min(t for t, n in left.items() if n)
            raise SectorError(
                Phrase(
                    "contract {0}: the plan in force spares {1} agents too few at {2} UTC: offer"
                    " less, or decline",
                    terms.contract,
                    left[short],
                    f"{starts[short]:%Y-%m-%d %H:%M}",
                )
            )
        chosen.append(agent)
        for t in helps:
            left[t] -= 1
    return tuple(sorted(chosen))


def lend_agents(
    contract: str, agents: Sequence[str], now: datetime, *, stream: str = RELIEF
) -> None:
    """Record who works under a contract, in place of those named before.

    The ledger's entry holds their number alone. SectorError unless this installation is the giver.
    """
    with transaction.atomic():
        lock_head()
        require_giver(contract, stream)
        drill = stream == DRILL
        LentAgent.objects.filter(contract=contract, drill=drill).delete()
        LentAgent.objects.bulk_create(
            LentAgent(contract=contract, drill=drill, agent=agent) for agent in agents
        )
        append("contract.lent", {"agents": len(agents), "contract": contract},
               recorded_at=now, stream=stream)  # fmt: skip


def recall_lent(now: datetime) -> None:
    """Recall each contract whose agents own clients need after a loss; a job of every round."""
    if not LentAgent.objects.exists():
        return
    for stream in list_running_streams():
        kept = DRILL if live.is_drill(stream) else RELIEF
        while (name := _find_needed(stream)) is not None:
            found = load_contract(name, kept).contract
            # A partner's clock that is ahead must not hold up a recall.
            at = max(now, found.steps[-1].at)
            take_step(name, "recall", found.terms.giver, at, reason="loss", stream=kept)


def _find_needed(stream: str) -> str | None:
    """Return a contract in force whose agents would serve own clients who are short by a loss."""
    scene = live.load_scene(stream)
    if scene is None or not scene.lent or not any(scene.wanted.values()) or scene.unanswered:
        return None
    short = _sum_missing(live.compute_scene_coverage(scene, supposed=True))
    for name, stored in _list_own(stream).items():
        agents = set(
            LentAgent.objects.filter(contract=name, drill=live.is_drill(stream))
            .values_list("agent", flat=True)
        )  # fmt: skip
        absent = {
            agent: rows if agent not in agents else _leave_out(rows, stored.contract.terms)
            for agent, rows in scene.absent.items()
        }
        back = live.compute_scene_coverage(replace(scene, absent=absent), supposed=True)
        if short - _sum_missing(back) > _ROUNDING:
            return name
    return None


def _list_own(stream: str) -> dict[str, StoredContract]:
    return {
        name: stored
        for name, stored in list_contracts(DRILL if live.is_drill(stream) else RELIEF).items()
        if stored.contract.state in IN_FORCE
        and find_own_party(stored) == stored.contract.terms.giver
    }


def _leave_out(
    rows: Sequence[tuple[datetime, datetime | None]], terms: ContractTerms
) -> tuple[tuple[datetime, datetime | None], ...]:
    period = (terms.starts_at, terms.ends_at)
    return tuple(row for row in rows if row != period)


def _sum_missing(found: live.Coverage) -> float:
    """Return the agent half hours that own clients miss."""
    return float(sum((one.required - one.covered).sum() for one in found.clients))
