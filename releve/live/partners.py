"""Agents of other operators who answer calls here under a contract of relief.

The rooms above know the contracts; they register a source, and routes ask it. Without one there are
no such agents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = [
    "PartnerAgents",
    "PartnerSource",
    "list_partner_addresses",
    "list_partner_agents",
    "register_partner_source",
]


@dataclass(frozen=True, slots=True)
class PartnerAgents:
    """Effective agents of a partner for a programme at an instant; ``place`` names the partner."""

    programme: str
    place: str
    agents: float


class PartnerSource(Protocol):
    """What knows the contracts in force."""

    def list_agents(self, stream: str, at: datetime) -> Iterable[PartnerAgents]:
        """Return the agents at work at an instant."""

    def list_addresses(self, stream: str) -> Mapping[str, str]:
        """Return the SIP URI of each partner's place, of past contracts too."""


_sources: list[PartnerSource] = []


def register_partner_source(source: PartnerSource) -> None:
    """Register what knows the contracts; a second registration of one is ignored."""
    if source not in _sources:
        _sources.append(source)


def list_partner_agents(stream: str, at: datetime) -> list[PartnerAgents]:
    """Return the partners' agents of a stream at an instant."""
    return [one for source in _sources for one in source.list_agents(stream, at)]


def list_partner_addresses(stream: str) -> dict[str, str]:
    """Return the SIP URI of each partner's place."""
    return {
        place: uri for source in _sources for place, uri in source.list_addresses(stream).items()
    }
