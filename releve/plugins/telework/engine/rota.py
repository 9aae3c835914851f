"""Who works at home when, by lot: the draw of a rota, and the work records of it.

The commitment (SHA-256 of a secret nonce and the protocol) goes into the ledger before the draw.
The seed is SHA-256 of the nonce and the next signed root, which is unknown by then: no one can try
seeds until the draw suits. Within each stratum agents are ordered by HMAC of the seed and their id,
and the two arms alternate; they change places after each block, so that every agent is compared
with themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from releve.demand.localtime import day_to_number
from releve.errors import Phrase, ReleveError
from releve.kernels.arrays import Truths
from releve.plugins.telework.engine.panel import Panel, WorkRecords

FORMAT = "releve rota 1"
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
            raise RotaError(Phrase("{0} is not a Monday", str(self.first_monday)))
        if self.weeks < 1 or self.blocks < 2:
            raise RotaError(Phrase("a rota has at least two blocks of at least one week"))
        if len({agent for agent, _ in self.agents}) != len(self.agents):
            raise RotaError(Phrase("an agent stands twice in the protocol: keep one"))
        if len(self.agents) < 2:
            raise RotaError(Phrase("a rota has at least two agents"))

    def to_bytes(self) -> bytes:
        """Return the protocol as canonical JSON, agents by id."""
        values = asdict(self) | {"agents": sorted(self.agents), "first_monday": self.first_monday.isoformat()}
        text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()


def commit_to_rota(nonce: bytes, protocol: RotaProtocol) -> str:
    """Return the commitment to a protocol, 64 hex digits; ``nonce`` is 32 random bytes."""
    if len(nonce) != NONCE_BYTES:
        raise RotaError(Phrase("a nonce has {0} bytes, got {1}", NONCE_BYTES, len(nonce)))
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


@dataclass(frozen=True, slots=True)
class RotaDraw:
    """A rota and what it was drawn from: a protocol, a nonce and the root, in hex, signed after the
    commitment. RotaError where protocol and nonce are not what was committed to."""

    protocol: RotaProtocol
    nonce: bytes
    root: str
    commitment: str

    def __post_init__(self) -> None:
        if commit_to_rota(self.nonce, self.protocol) != self.commitment:
            raise RotaError(Phrase("the protocol or the nonce is not what was committed to"))
        try:
            bytes.fromhex(self.root)
        except ValueError as error:
            raise RotaError(Phrase("the nonce and the root are written in hex digits")) from error

    def list_home_weeks(self) -> Mapping[str, tuple[date, ...]]:
        """Return the Mondays of each agent's weeks at home."""
        return draw_rota(self.protocol, derive_rota_seed(self.nonce, self.root))

    def to_json(self) -> str:
        """Return the draw as JSON, from which :func:`parse_draw` draws it again."""
        values = {
            "format": FORMAT,
            "protocol": json.loads(self.protocol.to_bytes()) | {"agents": dict(sorted(self.protocol.agents))},
            "nonce": self.nonce.hex(),
            "root": self.root,
            "commitment": self.commitment,
        }
        return json.dumps(values, ensure_ascii=False, indent=1)


def parse_draw(data: bytes) -> RotaDraw:
    """Read a draw; RotaError where it is not one or not what was committed to."""
    try:
        values = json.loads(data)
        if values["format"] != FORMAT:
            raise ValueError
        nonce, root = bytes.fromhex(values["nonce"]), str(values["root"])
        commitment = str(values["commitment"])
    except (ValueError, KeyError, TypeError) as error:
        raise RotaError(Phrase("it was not written by `releve effect rota draw`")) from error
    return RotaDraw(parse_protocol(values.get("protocol")), nonce, root, commitment)


def parse_protocol(values: Any) -> RotaProtocol:
    """Return a protocol from JSON values; RotaError where it is none."""
    try:
        agents = tuple(sorted((str(agent), str(one)) for agent, one in values["agents"].items()))
        first = date.fromisoformat(values["first_monday"])
        weeks, blocks = int(values["weeks"]), int(values["blocks"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RotaError(Phrase("give agents (id to stratum), first_monday, weeks and blocks as JSON")) from error
    return RotaProtocol(agents, first, weeks, blocks)


_MONDAY = 4
"""Days from the epoch, a Thursday, to the first Monday."""


@dataclass(frozen=True, slots=True)
class RotaRecords:
    """Records of a programme that are of agents and weeks of a rota: ``agents``, ``rows``, and how
    many of the rows are ``against`` it, at home in a week on site or the reverse."""

    agents: int
    rows: int
    against: int


def match_rota(records: WorkRecords, draw: RotaDraw) -> tuple[Truths, Truths]:
    """Return which records are of agents and weeks of a rota, and which of these are against it."""
    weeks, protocol = draw.list_home_weeks(), draw.protocol
    count = protocol.weeks * protocol.blocks
    week = (records.day - _MONDAY) // 7
    week = week - (day_to_number(protocol.first_monday) - _MONDAY) // 7
    at_home = np.zeros((len(records.agents), count), np.bool_)
    for i, name in enumerate(records.agents):
        for monday in weeks.get(name, ()):
            at_home[i, (monday - protocol.first_monday).days // 7] = True
    known = np.array([name in weeks for name in records.agents], np.bool_)
    inside = known[records.agent] & (week >= 0) & (week < count)
    drawn = at_home[records.agent, np.clip(week, 0, count - 1)]
    return inside, inside & (drawn != records.at_home)


def count_drawn(records: WorkRecords, inside: Truths, against: Truths) -> RotaRecords | None:
    """Return how the records ``inside`` a rota follow it; None where there are none."""
    if not inside.any():
        return None
    agents = len(np.unique(records.agent[inside]))
    return RotaRecords(agents, int(inside.sum()), int((inside & against).sum()))


def find_single_place(panel: Panel) -> Phrase | None:
    """Return a refusal where no period has records of both arms."""
    home = np.bincount(panel.period, panel.at_home, panel.periods) > 0
    site = np.bincount(panel.period, ~panel.at_home, panel.periods) > 0
    if (home & site).any():
        return None
    return Phrase("one arm of the rota has no records: nothing to compare with")
