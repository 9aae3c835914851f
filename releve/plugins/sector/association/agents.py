"""Agents under contracts of relief: own agents named and recalled, agents lent, client decisions.

Own agents come from those that the plan in force can spare (:func:`releve.plan.spare.find_spare`)
and count as absent while the contract is in force. Agents that a contract brings count from its
start to its end, half hour by half hour as agreed. When a place is lost and the relief leaves an
own client short of what lent agents would serve, the contract is recalled, which ends it at once. A
drill takes the contracts of drills. A client decides whether a partner may
answer its work: the contract's step says when and names no one; the person is in the own ledger
(``contract.client_decided``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from releve.errors import Phrase
from releve.ledger.chain import append, lock_head, read_head
from releve.live import api as live
from releve.live.api import is_drill
from releve.live.drills import list_running_streams
from releve.live.lost_places import Absent
from releve.live.partners import Lending, PartnerAgents
from releve.live.plans import read_settings
from releve.network import HOME, Operator, day_bounds, parse_sip_address, zone
from releve.plan.spare import SpareAgent, find_spare
from releve.plugins.sector.association.bulletin import load_planned_day
from releve.plugins.sector.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    find_own_party,
    list_contracts,
    load_contract,
    take_step,
)
from releve.plugins.sector.association.gate_member import find_programme
from releve.plugins.sector.association.models import LentAgent
from releve.plugins.sector.engine.contract import ContractTerms
from releve.plugins.sector.engine.needs import SectorError

EFFICIENCY = 0.75
"""What an agent of another operator counts for, over one who knows the work."""
IN_FORCE = ("both signed", "started")
_HALF_HOUR = timedelta(minutes=30)


def name_partner_place(giver: str) -> str:
    """Return the place of a partner's agents in the routes."""
    return f"partner:{giver}"


class ContractSource:
    """The contracts of this installation, folded again when the ledger's stream has grown."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, list[StoredContract]]] = {}

    def list_agents(self, stream: str, instants: Sequence[datetime]) -> Iterator[PartnerAgents]:
        """Yield the agents who are at work at one of the instants, a figure per instant."""
        for stored in self._list(stream):
            terms = stored.contract.terms
            if stored.contract.state not in IN_FORCE or not terms.programme:
                continue
            agents = tuple(EFFICIENCY * count_agents(terms, at) for at in instants)
            if any(agents) and find_own_party(stored) != terms.giver:
                programme = find_programme(terms.programme) or terms.programme
                yield PartnerAgents(programme, name_partner_place(terms.giver), agents)

    def list_lent(self, stream: str) -> Absent:
        """Return the own agents who work under the contracts in force, and when."""
        kept = _find_kept(stream)
        rows = LentAgent.objects.filter(drill=kept == DRILL).values_list("contract", "agent")
        terms = {
            one.contract.terms.contract: one.contract.terms
            for one in (self._list(stream) if rows else ())
            if one.contract.state in IN_FORCE
        }
        found: dict[str, tuple[tuple[datetime, datetime | None], ...]] = {}
        for contract, agent in rows:
            if contract in terms:
                period = (terms[contract].starts_at, terms[contract].ends_at)
                found[agent] = (*found.get(agent, ()), period)
        return found

    def list_lendings(self, stream: str) -> Iterator[Lending]:
        """Yield who was, is or will be lent, each until a recall; contracts that ended, too."""
        kept = _find_kept(stream)
        agents: dict[str, list[str]] = {}
        rows = LentAgent.objects.filter(drill=kept == DRILL).order_by("contract", "agent")
        for contract, agent in rows.values_list("contract", "agent"):
            agents.setdefault(contract, []).append(agent)
        for stored in self._list(stream) if agents else ():
            terms = stored.contract.terms
            if stored.contract.signed == {terms.asker, terms.giver}:
                steps = stored.contract.steps
                signs = (row.at for row in steps if row.kind == "sign")
                stops = (row.at for row in steps if row.kind in ("end", "recall"))
                start, until = max([terms.starts_at, *signs]), min([terms.ends_at, *stops])
                for agent in agents.get(terms.contract, ()) if start < until else ():
                    yield Lending(agent, start, until, _read_place(terms.skill))

    def list_addresses(self, stream: str) -> dict[str, str]:
        """Return the SIP URI of each partner's place."""
        return {
            name_partner_place(one.contract.terms.giver): parse_sip_address(one.contract.terms.sip_address).uri
            for one in self._list(stream)
            if one.contract.terms.sip_address
        }

    def _list(self, stream: str) -> list[StoredContract]:
        kept = _find_kept(stream)
        head = read_head(kept).hash
        if self._known.get(kept, ("", []))[0] != head:
            self._known[kept] = (head, list(list_contracts(kept).values()))
        return self._known[kept][1]


def _find_kept(stream: str) -> str:
    return DRILL if is_drill(stream) else RELIEF


def _read_place(skill: str) -> bool | None:
    """Return whether a skill like ``inbound:fr:home`` is served at home; None: it says neither."""
    place = skill.split(":")[2:3]
    return place[0] == HOME if place else None


def list_half_hours(terms: ContractTerms) -> list[tuple[datetime, int]]:
    """Return the half hours of a contract, each by its start, and the agents who work in it."""
    midnight = _find_midnight(terms)
    return [(midnight + t * _HALF_HOUR, count) for t, count in terms.agents]


def count_agents(terms: ContractTerms, at: datetime) -> int:
    if not terms.starts_at <= at < terms.ends_at:
        return 0
    return dict(terms.agents).get((at - _find_midnight(terms)) // _HALF_HOUR, 0)


def _find_midnight(terms: ContractTerms) -> datetime:
    day = terms.starts_at.astimezone(zone(terms.time_zone)).date()
    return day_bounds(day, terms.time_zone)[0]


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
        raise SectorError(Phrase("contract {0}: only its giver, {1}, names agents", contract, terms.giver))
    return terms


def find_agents_to_lend(contract: str, stream: str) -> tuple[str, ...]:
    """Return agents for a contract from those that the plan in force can spare; a solver's search.

    SectorError as of :func:`lend_from_plan`.
    """
    terms = load_contract(contract, stream).contract.terms
    day = terms.starts_at.astimezone(zone(terms.time_zone)).date()
    found = load_planned_day(day)
    others = set(
        LentAgent.objects.filter(drill=stream == DRILL).exclude(contract=contract).values_list("agent", flat=True)
    )
    skill = ":".join(terms.skill.split(":")[:2])
    settings = read_settings(found.plan)
    spare = find_spare(found.operator, found.plan, found.need, settings, skills=(skill,))
    free = [one for one in spare.agents if one.agent not in others]
    return choose_agents(terms, free, found.plan.starts)


def choose_agents(terms: ContractTerms, spare: Iterable[SpareAgent], starts: Sequence[datetime]) -> tuple[str, ...]:
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
        agent = max(fitting, default="", key=lambda name: (sum(left.get(t, 0) > 0 for t in fitting[name]), name))
        helps = [t for t in fitting.pop(agent, ()) if left.get(t)]
        if not helps:
            short = min(t for t, n in left.items() if n)
            raise SectorError(
                Phrase(
                    "contract {0}: the plan in force spares {1} agents too few at {2} UTC: offer less, or decline",
                    terms.contract,
                    left[short],
                    f"{starts[short]:%Y-%m-%d %H:%M}",
                )
            )
        chosen.append(agent)
        for t in helps:
            left[t] -= 1
    return tuple(sorted(chosen))


def lend_agents(contract: str, agents: Sequence[str], now: datetime, *, stream: str = RELIEF) -> None:
    """Record who works under a contract, in place of those named before.

    The ledger's entry holds their number alone. SectorError unless this installation is the giver.
    """
    with transaction.atomic():
        lock_head()
        require_giver(contract, stream)
        drill = stream == DRILL
        LentAgent.objects.filter(contract=contract, drill=drill).delete()
        LentAgent.objects.bulk_create(LentAgent(contract=contract, drill=drill, agent=agent) for agent in agents)
        append("contract.lent", {"agents": len(agents), "contract": contract}, recorded_at=now, stream=stream)


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
            LentAgent.objects.filter(contract=name, drill=live.is_drill(stream)).values_list("agent", flat=True)
        )
        absent, lent = (
            {
                agent: rows if agent not in agents else _leave_out(rows, stored.contract.terms)
                for agent, rows in known.items()
            }
            for known in (scene.absent, scene.lent)
        )
        back = live.compute_scene_coverage(replace(scene, absent=absent, lent=lent), supposed=True)
        if short - _sum_missing(back) > _ROUNDING:
            return name
    return None


def _list_own(stream: str) -> dict[str, StoredContract]:
    return {
        name: stored
        for name, stored in list_contracts(DRILL if live.is_drill(stream) else RELIEF).items()
        if stored.contract.state in IN_FORCE and find_own_party(stored) == stored.contract.terms.giver
    }


def _leave_out(
    rows: Sequence[tuple[datetime, datetime | None]], terms: ContractTerms
) -> tuple[tuple[datetime, datetime | None], ...]:
    period = (terms.starts_at, terms.ends_at)
    return tuple(row for row in rows if row != period)


def _sum_missing(found: live.Coverage) -> float:
    """Return the agent half hours that own clients miss."""
    return float(sum((one.required - one.covered).sum() for one in found.clients))


@dataclass(frozen=True, slots=True)
class ClientContract:
    """A contract that is for the work of an own client."""

    stored: StoredContract
    stream: str
    client: str
    programme: str


def list_client_contracts(operator: Operator, may_see: Callable[[str], bool]) -> list[ClientContract]:
    """Return the contracts asked for the work of clients that a reader may see, newest first."""
    found = []
    for stream in (RELIEF, DRILL):
        for stored in reversed(list_contracts(stream).values()):
            terms = stored.contract.terms
            programme = find_programme(terms.programme) or terms.programme
            row = operator.programme.get(programme)
            if row is None or not may_see(row.client) or find_own_party(stored) != terms.asker:
                continue
            found.append(ClientContract(stored, stream, row.client, programme))
    return found


def decide_contract(found: ClientContract, agrees: bool, before: str, actor: str, now: datetime) -> None:
    """Record a client's decision; SectorError where it is not awaited, or the contract moved on."""
    contract = found.stored.contract
    if contract.state != "matched":
        raise SectorError(Phrase("contract {0} awaits no decision of its client", contract.terms.contract))
    kind = "agree" if agrees else "decline"
    with transaction.atomic():
        lock_head()
        take_step(
            contract.terms.contract, kind, contract.terms.asker, now, before=before,
            reference=f"client, {now:%Y-%m-%d %H:%M} UTC" if agrees else "",
            stream=found.stream,
        )  # fmt: skip
        append("contract.client_decided", {"actor": actor, "client": found.client,
                                           "contract": contract.terms.contract, "step": kind},
               recorded_at=now, stream=found.stream)  # fmt: skip
