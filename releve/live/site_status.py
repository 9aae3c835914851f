"""How each site stands, with its seats: in all, usable and taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from releve.live.current_rules import select_rules
from releve.live.presence import count_seats
from releve.live.stream_state import Scene
from releve.network import Operator
from releve.situation import SiteStatus, Situation, find_site_status


@dataclass(frozen=True, slots=True)
class SeatedSite(SiteStatus):
    """A site as it stands, and its ``seats`` in all.

    ``usable`` and ``taken``, of the first planned day from now on, are None where no plan is in
    force.
    """

    seats: int = 0
    usable: int | None = None
    taken: int | None = None


def describe_sites(operator: Operator, situation: Situation, scene: Scene | None) -> Mapping[str, SeatedSite]:
    """Return how every site stands, by its id, in the order of the operator."""
    counts, rules = count_seats(operator, situation, scene), select_rules(situation)
    return {
        site.id: SeatedSite(
            **asdict(find_site_status(site, situation, rules)),
            seats=counts[site.id].total,
            usable=counts[site.id].count_usable(),
            taken=counts[site.id].taken,
        )
        for site in operator.sites
    }
