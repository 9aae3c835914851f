"""Where the measures of the charter stand at each site today, against some days before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from releve.network import Operator
from releve.situation.charter import Charter
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation
from releve.situation.standings import STANDINGS, compute_standings

__all__ = ["TREND_DAYS", "SiteStandings", "list_site_standings"]

TREND_DAYS = 30


@dataclass(frozen=True, slots=True)
class SiteStandings:
    """A site: a standing for each measure of a charter, in its order; empty: none is asked.

    ``before`` is of 30 days ago, and ``changes`` how it differs (up, down or empty); ``kept`` the
    share of the measures kept day by day, the oldest first, None where none is asked.
    """

    site: str
    name: str
    values: tuple[str, ...]
    before: tuple[str, ...]
    changes: tuple[str, ...]
    kept: tuple[float | None, ...]


def list_site_standings(
    situation: Situation,
    operator: Operator,
    rules: SituationRules,
    charter: Charter,
    day: date,
    sites: Sequence[str],
) -> Iterator[SiteStandings]:
    """Yield the standings of some sites on a day by the measures of a charter."""
    first = day - timedelta(days=TREND_DAYS)
    grid = compute_standings(
        situation, operator, rules, first, TREND_DAYS + 1, until=day, sites=sites
    )
    measures = [measure.id for measure in charter.measures]
    for site, kept in zip(grid.sites, grid.share_kept(measures).tolist(), strict=True):
        values = tuple(grid.get(site, measure, day) or "" for measure in measures)
        before = tuple(grid.get(site, measure, first) or "" for measure in measures)
        yield SiteStandings(
            site=site,
            name=operator.site[site].name,
            values=values,
            before=before,
            changes=tuple(map(_compare, before, values)),
            kept=tuple(None if math.isnan(share) else share for share in kept),
        )


def _compare(before: str, value: str) -> str:
    if not value or not before or value == before:
        return ""
    return "up" if STANDINGS.index(value) > STANDINGS.index(before) else "down"
