"""Who works at home when, by lot: a rota that is an experiment, from a seed that was committed to.

Before the draw the protocol is fixed by its commitment, SHA-256 of a secret nonce and the protocol,
which goes into the ledger. The seed is SHA-256 of the nonce and the next signed root, which is not
known by then: no one can try seeds until the draw suits. Within each stratum agents are put in
order by HMAC of the seed and their id, and the two arms alternate. The arms change places after
each block, so every agent is compared with themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from releve.errors import ReleveError

__all__ = ["RotaError", "RotaProtocol", "commit_to_rota", "derive_rota_seed", "draw_rota"]

NONCE_BYTES = 32


class RotaError(ReleveError, ValueError):
    """A rota that cannot be drawn; the text says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class RotaProtocol:
    """``agents`` by id with their stratum (programme, team); ``blocks`` of ``weeks`` weeks from
    ``first_monday``, in which one arm works at home and the other on site."""

    agents: tuple[tuple[str, str], ...]
    first_monday: date
    weeks: int
    blocks: int

    def __post_init__(self) -> None:
        if self.first_monday.weekday():
            raise RotaError(f"{self.first_monday} is not a Monday")
        if self.weeks < 1 or self.blocks < 2:
            raise RotaError("a rota has at least two blocks of at least one week")
        if len({agent for agent, _ in self.agents}) != len(self.agents):
            raise RotaError("an agent stands twice in the protocol: keep one")
        if len(self.agents) < 2:
            raise RotaError("a rota has at least two agents")

    def to_bytes(self) -> bytes:
        """Return the protocol as canonical JSON, agents by id."""
        values = asdict(self) | {
            "agents": sorted(self.agents), "first_monday": self.first_monday.isoformat(),
        }  # fmt: skip
        text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()


def commit_to_rota(nonce: bytes, protocol: RotaProtocol) -> str:
    """Return the commitment to a protocol, 64 hex digits; ``nonce`` is 32 random bytes."""
    if len(nonce) != NONCE_BYTES:
        raise RotaError(f"a nonce has {NONCE_BYTES} bytes, got {len(nonce)}")
    return hashlib.sha256(nonce + protocol.to_bytes()).hexdigest()


def derive_rota_seed(nonce: bytes, next_root: str) -> bytes:
    """Return the seed from the nonce and the root, in hex, signed after the commitment."""
    return hashlib.sha256(nonce + bytes.fromhex(next_root)).digest()


def draw_rota(protocol: RotaProtocol, seed: bytes) -> Mapping[str, tuple[date, ...]]:
    """Return the Mondays of each agent's weeks at home."""
    strata: dict[str, list[str]] = {}
    for agent, stratum in protocol.agents:
        strata.setdefault(stratum, []).append(agent)
    arms: dict[str, int] = {}
    for stratum in sorted(strata):
        order = sorted(strata[stratum], key=lambda one: hmac.digest(seed, one.encode(), "sha256"))
        # An odd stratum gives its last agent to either arm, by lot too.
        first = hmac.digest(seed, f"stratum {stratum}".encode(), "sha256")[0] % 2
        arms |= {agent: (at + first) % 2 for at, agent in enumerate(order)}
    return {
        agent: tuple(
            protocol.first_monday + timedelta(weeks=block * protocol.weeks + week)
            for block in range(protocol.blocks)
            if block % 2 == arm
            for week in range(protocol.weeks)
        )
        for agent, arm in sorted(arms.items())
    }
