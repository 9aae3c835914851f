"""Agents lent between operators under a contract of relief: those who answer here, those away.

The packages that know the contracts register a source; without one there are no such agents.
Coverage, reliefs and routes count the agents of partners beside the operator's own, and take own
agents who are lent as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from releve.kernels.arrays import Floats
    from releve.live.lost_places import Absent


@dataclass(frozen=True, slots=True)
class PartnerAgents:
    """Effective agents of a partner for a programme, one figure per instant that was asked for.

    ``place`` names the partner.
    """

    programme: str
    place: str
    agents: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lending:
    """An own agent who works for a partner from ``start`` until ``until``, in the past too.

    ``at_home``: None where the contract leaves the place open.
    """

    agent: str
    start: datetime
    until: datetime
    at_home: bool | None


class PartnerSource(Protocol):
    """What knows the contracts in force."""

    def list_agents(self, stream: str, instants: Sequence[datetime]) -> Iterable[PartnerAgents]:
        """Return the agents of partners who are at work at one of the instants."""

    def list_addresses(self, stream: str) -> Mapping[str, str]:
        """Return the SIP URI of each partner's place, of past contracts too."""

    def list_lent(self, stream: str) -> Absent:
        """Return the operator's own agents who work for partners, and when."""

    def list_lendings(self, stream: str) -> Iterable[Lending]:
        """Return who was, is or will be lent, each until a recall; contracts that ended, too."""


_sources: dict[str, None] = {}


def register_partner_source(source: str) -> None:
    """Register what knows the contracts, a class by its dotted name; once, however often."""
    _sources[source] = None


def _list_sources() -> list[PartnerSource]:
    return [_load_source(name) for name in _sources]


@cache
def _load_source(name: str) -> PartnerSource:
    return cast(PartnerSource, import_string(name)())


def list_partner_agents(stream: str, instants: Sequence[datetime]) -> tuple[PartnerAgents, ...]:
    return tuple(one for source in _list_sources() for one in source.list_agents(stream, instants))


def count_partner_agents(agents: Iterable[PartnerAgents], programmes: Sequence[str], instants: int) -> Floats:
    """Return the effective agents of partners ``[instant, programme]``."""
    import numpy as np  # every command registers sources, few count their agents

    found = np.zeros((instants, len(programmes)))
    column = {name: p for p, name in enumerate(programmes)}
    for one in agents:
        if one.programme in column:
            found[:, column[one.programme]] += one.agents
    return found


def list_partner_addresses(stream: str) -> dict[str, str]:
    """Return the SIP URI of each partner's place."""
    return {place: uri for source in _list_sources() for place, uri in source.list_addresses(stream).items()}


def list_lent(stream: str) -> Absent:
    """Return the operator's own agents who work for partners, and when."""
    found: dict[str, tuple[tuple[datetime, datetime | None], ...]] = {}
    for source in _list_sources():
        for agent, rows in source.list_lent(stream).items():
            found[agent] = (*found.get(agent, ()), *rows)
    return found


def list_lendings(stream: str) -> tuple[Lending, ...]:
    """Return who was, is or will be lent, each until a recall; contracts that ended, too."""
    return tuple(one for source in _list_sources() for one in source.list_lendings(stream))
