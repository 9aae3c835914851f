"""A rota is drawn again from its protocol, nonce and root, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from releve.plugins.telework.engine.rota import RotaError, RotaProtocol, commit_to_rota, derive_rota_seed, draw_rota

AGENTS = tuple((f"a{n:03}", "north" if n % 3 else "south") for n in range(61))
PROTOCOL = RotaProtocol(AGENTS, date(2026, 3, 2), weeks=2, blocks=4)
NONCE, ROOT = bytes(range(32)), "ab" * 32


def test_each_agent_is_half_of_the_blocks_at_home_and_strata_are_balanced() -> None:
    rota = draw_rota(PROTOCOL, derive_rota_seed(NONCE, ROOT))
    assert all(len(weeks) == 4 for weeks in rota.values())
    for stratum in ("north", "south"):
        first = sum(rota[agent][0] == PROTOCOL.first_monday for agent, one in AGENTS if one == stratum)
        members = sum(one == stratum for _, one in AGENTS)
        assert abs(2 * first - members) <= 1


def test_a_changed_nonce_roster_or_root_is_another_commitment_or_draw() -> None:
    rota = draw_rota(PROTOCOL, derive_rota_seed(NONCE, ROOT))
    assert draw_rota(PROTOCOL, derive_rota_seed(NONCE, "ac" * 32)) != rota
    assert draw_rota(PROTOCOL, derive_rota_seed(bytes(32), ROOT)) != rota
    commitment = commit_to_rota(NONCE, PROTOCOL)
    assert commit_to_rota(bytes(32), PROTOCOL) != commitment
    assert commit_to_rota(NONCE, replace(PROTOCOL, agents=AGENTS[1:])) != commitment
    turned = replace(PROTOCOL, agents=AGENTS[::-1])
    assert commit_to_rota(NONCE, turned) == commitment
    assert draw_rota(turned, derive_rota_seed(NONCE, ROOT)) == rota


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first_monday": date(2026, 3, 3)}, "not a Monday"),
        ({"blocks": 1}, "at least two blocks"),
        ({"agents": (("a", "x"), ("a", "y"))}, "stands twice"),
        ({"agents": (("a", "x"),)}, "at least two agents"),
    ],
)
def test_a_protocol_that_makes_no_sense_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(RotaError, match=reason):
        replace(PROTOCOL, **change)  # type: ignore[arg-type]
