"""What this operator would contribute for a day, by the rules of bulletins that the product ships.

Counts by destination, and in total. Agents are those placed on that day by the plan and relief in
force; calls are those recorded. Of health, as of any other cause, the number of sites closed now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources

from releve.errors import Phrase
from releve.live import api as live
from releve.network import HOME, Operator, day_bounds
from releve.network.moments import to_utc, zone
from releve.plugins.sector.association.keys import AssociationError
from releve.plugins.sector.engine.contribution import ALL, Cell
from releve.plugins.sector.engine.panel import BulletinRule, find_rule, load_bulletin_rules
from releve.service_record.statistics import load_reports

STATED = ("relief_spare", "relief_wanted")
"""The figures that the planner states."""


_COUNTED = ("agents_on_site", "agents_at_home", "sites_open", "sites_closed")


def count_figures(day: date, stated: Mapping[str, Mapping[str, int]]) -> dict[Cell, int]:
    """Return the figures of a day; AssociationError where no plan in force has that day.

    Agents and sites are counted, down to zero, in each destination with a site. Calls are left out
    where none were recorded, relief where the planner states nothing.
    """
    operator = live.operator_now()
    situation = live.situation_now()
    found: Counter[Cell] = Counter({(measure, site.destination): 0 for site in operator.sites for measure in _COUNTED})
    found.update(_count_agents(operator, day))
    for site in operator.sites:
        closed = situation.sites[site.id].closed
        found["sites_closed" if closed else "sites_open", site.destination] += 1
    found.update(_count_calls(operator, day))
    for measure in STATED:
        for where, count in stated.get(measure, {}).items():
            found[measure, where] += count
    return dict(found)


def count_seats_by_destination() -> dict[str, int]:
    operator = live.operator_now()
    seats = live.count_seats(operator, live.situation_now(), None)
    found: Counter[str] = Counter()
    for site in operator.sites:
        found[site.destination] += max(seats[site.id].total, site.seats or 0)
    return dict(found)


def _count_agents(operator: Operator, day: date) -> Counter[Cell]:
    placements = live.list_day_placements(day)
    if placements is None:
        raise AssociationError(
            Phrase("no plan in force has {0}: put one in force, then the contribution can be made", day)
        )
    destination = {site.id: site.destination for site in operator.sites}
    home_site = {agent.id: agent.home_site for agent in operator.agents}
    found: Counter[Cell] = Counter()
    for agent, place in placements.items():
        at_home = place == HOME
        where = destination.get(home_site.get(agent, "") if at_home else place)
        if where is not None:
            found["agents_at_home" if at_home else "agents_on_site", where] += 1
    return found


def _count_calls(operator: Operator, day: date) -> Counter[Cell]:
    start, end = day_bounds(day, operator.row.time_zone)
    found: Counter[Cell] = Counter()
    for report in load_reports(start, end):
        if report.offered is not None and report.answered is not None:
            found["calls_offered", ALL] += round(report.offered)
            found["calls_answered", ALL] += min(round(report.answered), round(report.offered))
    return found


@cache
def load_shipped_bulletin_rules() -> tuple[BulletinRule, ...]:
    file = resources.files("releve.plugins.sector.engine") / "bulletin_rules.yaml"
    return load_bulletin_rules(file.read_text(encoding="utf-8"))


def find_day(now: datetime, rule: BulletinRule) -> date:
    """Return the day by the clock of the association."""
    return now.astimezone(zone(rule.time_zone)).date()


def find_last_day(now: datetime) -> date:
    """Return the last day that is over by the clock of the association."""
    rule = find_rule(load_shipped_bulletin_rules(), now.date())
    return find_day(now, rule) - timedelta(days=1)


def find_publication(day: date, rule: BulletinRule) -> datetime:
    local = datetime.combine(day + timedelta(days=1), rule.published_at)
    return to_utc(local, rule.time_zone).astimezone(UTC)
