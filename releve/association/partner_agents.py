"""The agents that contracts of relief bring to this operator, and those that it lends.

They count from the start of the contract to its end, half hour by half hour as agreed, while it is
signed by both or started; a recall ends it at once. A drill takes the contracts of drills.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from releve.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    find_own_party,
    list_contracts,
)
from releve.association.gate_member import find_programme
from releve.association.models import LentAgent
from releve.ledger.chain import read_head
from releve.live.api import is_drill
from releve.live.lost_places import Absent
from releve.live.partners import Lending, PartnerAgents
from releve.network import HOME, day_bounds, parse_sip_address, zone
from releve.sector import ContractTerms

__all__ = ["EFFICIENCY", "ContractSource", "count_agents", "list_half_hours", "name_partner_place"]

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
            name_partner_place(one.contract.terms.giver): parse_sip_address(
                one.contract.terms.sip_address
            ).uri
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
    """Return the agents of a contract at an instant."""
    if not terms.starts_at <= at < terms.ends_at:
        return 0
    return dict(terms.agents).get((at - _find_midnight(terms)) // _HALF_HOUR, 0)


def _find_midnight(terms: ContractTerms) -> datetime:
    day = terms.starts_at.astimezone(zone(terms.time_zone)).date()
    return day_bounds(day, terms.time_zone)[0]
