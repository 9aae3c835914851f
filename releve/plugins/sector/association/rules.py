"""The rules of bulletins that the product ships."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources

from releve.network.moments import to_utc, zone
from releve.plugins.sector.engine import BulletinRule, find_rule, load_bulletin_rules


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
