"""What the page of the packs of rules holds: their sentences, and the days they are chosen for."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from releve.desk.page import PageModel, StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.live import api as live
from releve.situation import ChosenPack, RulePack, SituationRule, SituationRules


class PackCard(PageModel):
    """A pack: its rules, and the days for which it is chosen."""

    pack: RulePack
    rules: tuple[SituationRule, ...]
    days: tuple[ChosenPack, ...]
    lasting: bool = Field(description="Chosen for today or later")


class SiteRulesPage(StreamPage):
    """The packs that can be chosen; ``closing``: a rule closes sites today."""

    today: date
    closing: bool
    packs: tuple[PackCard, ...]


def rules_page(now: StreamContext, today: date) -> SiteRulesPage:
    """Return the page of a stream on a day."""
    rules = live.select_rules(now.situation)
    return SiteRulesPage(
        **now.head,
        today=today,
        closing=rules.closes_on(today),
        packs=tuple(_build_card(pack, rules, now.situation.packs, today) for pack in rules.packs),
    )


def _build_card(
    pack: RulePack, rules: SituationRules, chosen: tuple[ChosenPack, ...], today: date
) -> PackCard:
    days = tuple(row for row in chosen if row.pack == pack.id)
    return PackCard(
        pack=pack,
        rules=tuple(row for row in rules.offered if row.pack == pack.id),
        days=days,
        lasting=any(row.state_on(today) != "over" for row in days),
    )
