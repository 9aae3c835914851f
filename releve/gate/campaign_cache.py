"""What bears on every call of a campaign, kept from one decision to the next.

Facts become known by closing a load, each at an instant of its own: while the newest load is the
same, nothing can have been learnt but attempts, which are not kept here. What is kept is read anew
as well when something that was there already becomes known, when the clock has gone back, and from
time to time, since rows are erased without a load.
"""

from __future__ import annotations

import time
from datetime import datetime

from releve.gate.connections import GateConnection
from releve.gate.fact_reader import CampaignFacts, to_db_instant

__all__ = ["CampaignCache"]

_LONGEST = 10.0
_MOST = 500
"""Campaigns that are kept: whoever asks may name any, known or not."""


class CampaignCache:
    """What one connection has read of campaigns."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[CampaignFacts, float]] = {}

    def cached_client(self, campaign: str) -> str:
        """Return whose a campaign was when it was last looked at, empty when nobody knows."""
        kept = self._kept.get(campaign)
        return "" if kept is None or kept[0].campaign is None else kept[0].campaign.client

    async def read_campaign(
        self, store: GateConnection, campaign: str, load: datetime | None, known: datetime
    ) -> CampaignFacts:
        """Return what is known by ``known``, when ``load`` is the newest; read where it must be."""
        kept = self._kept.get(campaign)
        if kept is not None and time.monotonic() < kept[1] and _stands(kept[0], load, known):
            return kept[0]
        if len(self._kept) >= _MOST:
            self._kept.clear()
        asked = {"campaign": campaign, "known": to_db_instant(store.vendor, known)}
        found = CampaignFacts(await store.common(asked))
        self._kept[campaign] = (found, time.monotonic() + _LONGEST)
        return found


def _stands(common: CampaignFacts, load: datetime | None, known: datetime) -> bool:
    reached = common.later is not None and common.later <= known
    back = common.newest is not None and common.newest > known
    return common.load == load and not reached and not back
