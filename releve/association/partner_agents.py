"""The agents that contracts of relief bring to this operator, for its routes.

They count from the start of the contract to its end, half hour by half hour as agreed, while it is
signed by both or started; a recall ends it at once. A drill takes the contracts of drills.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from releve.association.contracts import DRILL, RELIEF, StoredContract, list_contracts
from releve.ledger.chain import read_head
from releve.live.api import is_drill
from releve.live.partners import PartnerAgents
from releve.network import day_bounds, parse_sip_address, zone
from releve.sector import ContractTerms

__all__ = ["EFFICIENCY", "ContractSource", "name_partner_place"]

EFFICIENCY = 0.75
"""What an agent of another operator counts for, over one who knows the work."""
_IN_FORCE = ("both signed", "started")
_HALF_HOUR = timedelta(minutes=30)


def name_partner_place(giver: str) -> str:
    """Return the place of a partner's agents in the routes."""
    return f"partner:{giver}"


class ContractSource:
    """The contracts of this installation, folded again when the ledger's stream has grown."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, list[StoredContract]]] = {}

    def list_agents(self, stream: str, at: datetime) -> Iterator[PartnerAgents]:
        """Yield the agents at work at an instant."""
        for stored in self._list(stream):
            terms = stored.contract.terms
            agents = count_agents(terms, at)
            if stored.contract.state in _IN_FORCE and agents and terms.programme:
                yield PartnerAgents(
                    terms.programme, name_partner_place(terms.giver), EFFICIENCY * agents
                )

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
        kept = DRILL if is_drill(stream) else RELIEF
        head = read_head(kept).hash
        if self._known.get(kept, ("", []))[0] != head:
            self._known[kept] = (head, list(list_contracts(kept).values()))
        return self._known[kept][1]


def count_agents(terms: ContractTerms, at: datetime) -> int:
    """Return the agents of a contract at an instant."""
    if not terms.starts_at <= at < terms.ends_at:
        return 0
    day = terms.starts_at.astimezone(zone(terms.time_zone)).date()
    first, _ = day_bounds(day, terms.time_zone)
    return dict(terms.agents).get((at - first) // _HALF_HOUR, 0)
