"""What did the harm: each cause by what a quarter loses less without it, or by its share.

Where quarters were rerun without each cause, their differences stand, with the share of each cause
beside them; else the shares alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from releve.crashtest.outages.shipped import load_shipped_hazards
from releve.crashtest.outbreak import Estimate
from releve.crashtest.result import CrashResult
from releve.errors import BilingualPhrase, Phrase

__all__ = ["CauseLoss", "list_cause_losses", "list_site_causes", "name_cause"]

_SHARED: Mapping[str, tuple[str, ...]] = {"outbreak": ("illness", "closure")}
"""The causes among which what the outbreak takes is shared out."""
_NAMES: Mapping[str, Phrase] = {
    "illness": Phrase("Agents away, ill or in quarantine"),
    "outbreak": Phrase("The outbreak: agents away, and sites that the rule closes for it"),
    "closure": Phrase("Sites closed by the rule"),
    "rule": Phrase("The closure rule"),
}


@dataclass(frozen=True)
class CauseLoss:
    """A cause: calls ``lost`` a quarter to it, in all and ``by_client``, and in how many quarters
    it ``occurs``. ``shared``: its share, where ``lost`` is what a quarter loses less without it."""

    cause: str
    name: str
    lost: Estimate
    occurs: Estimate
    by_client: Mapping[str, float]
    shared: float | None = None

    @property
    def top(self) -> float:
        """The end of its interval where it is known."""
        return self.lost.high if math.isfinite(self.lost.high) else self.lost.value

    @property
    def spared(self) -> Estimate:
        """The calls that it spares: so does a rule that keeps an outbreak small."""
        return Estimate(-self.lost.value, -self.lost.high, -self.lost.low)


def list_cause_losses(result: CrashResult) -> list[CauseLoss]:
    """Return the causes of a result, the costliest first."""
    if not result.removed:
        return [
            CauseLoss(row.cause, row.name, row.lost, row.occurs, row.lost_by_client)
            for row in result.causes
        ]
    shares = {row.cause: row.lost.value for row in result.causes}
    return [
        CauseLoss(
            "rule" if row.cause == "closure" else row.cause,
            row.name,
            row.lost,
            row.changes,
            {client: one.value for client, one in row.lost_by_client.items()},
            sum(shares.get(cause, 0.0) for cause in _SHARED.get(row.cause, (row.cause,))),
        )
        for row in result.removed
    ]


def list_site_causes(result: CrashResult) -> list[str]:
    """Return the causes that take sites, by the days they take in all; home lines are no site."""
    days: dict[str, float] = {}
    for row in result.causes:
        taken = (site.days_lost_by.get(row.cause) for site in result.sites)
        days[row.cause] = sum(one.value for one in taken if one is not None)
    return sorted((cause for cause in days if days[cause] > 0), key=lambda cause: -days[cause])


def name_cause(cause: str, name: str = "") -> Phrase:
    """Return a cause in words, a hazard that is shipped by its names in both languages.

    ``name``: what the operator's own table calls a hazard; without one it is called by its id.
    """
    if cause in _NAMES:
        return _NAMES[cause]
    shipped = (row for row in load_shipped_hazards() if row.id == cause)
    own = BilingualPhrase(name or cause, name or cause)
    return next((BilingualPhrase(row.name, row.name_fr) for row in shipped), own)
