"""Facts shared by all calls of a campaign, cached per database connection.

Facts become visible when a load is closed, so an entry is valid while the newest load is unchanged;
attempts are the exception and are not cached. An entry is also dropped when one of its facts takes
effect, when the clock goes backwards, and after ``MAX_AGE_SECONDS``, because erasure deletes rows
without a load.
"""

from __future__ import annotations

import time
from datetime import datetime

from releve.gate.connections import GateConnection
from releve.gate.fact_reader import CampaignFacts, to_db_instant

__all__ = ["CampaignCache"]

MAX_AGE_SECONDS = 10.0
MAX_CAMPAIGNS = 500
"""Campaigns cached at most; a question may name any, known or not."""


class CampaignCache:
    """The campaigns that one connection has read."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[CampaignFacts, float]] = {}

    def cached_client(self, campaign: str) -> str:
        """Return the client of a campaign as last read, empty where it is not known."""
        kept = self._kept.get(campaign)
        return "" if kept is None or kept[0].campaign is None else kept[0].campaign.client

    async def read_campaign(
        self, store: GateConnection, campaign: str, load: datetime | None, known: datetime
    ) -> CampaignFacts:
        """Return the facts known by ``known``, from the cache if valid for the newest ``load``."""
        kept = self._kept.get(campaign)
        if kept is not None and time.monotonic() < kept[1] and _is_valid(kept[0], load, known):
            return kept[0]
        if len(self._kept) >= MAX_CAMPAIGNS:
            self._kept.clear()
        asked = {"campaign": campaign, "known": to_db_instant(store.vendor, known)}
        found = CampaignFacts(await store.read_campaign(asked))
        self._kept[campaign] = (found, time.monotonic() + MAX_AGE_SECONDS)
        return found


def _is_valid(common: CampaignFacts, load: datetime | None, known: datetime) -> bool:
    reached = common.later is not None and common.later <= known
    back = common.newest is not None and common.newest > known
    return common.load == load and not reached and not back
