"""What the page of the packs of rules holds: their sentences, and the days they are chosen for."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from releve.desk.page import PageModel, StreamPage
from releve.desk.places.stream_context import StreamContext
from releve.situation import ChosenPack, ClosureRule, RulePack, SituationRules


class PackRule(PageModel):
    """A rule of a pack in words, with the days on which it can hold."""

    rule: str
    text: str
    text_fr: str
    source: str
    confidence: str
    first: date
    last: date | None = Field(description="null: until a rule ends it")


class PackCard(PageModel):
    """A pack: its rules, and the days for which it is chosen."""

    pack: RulePack
    rules: tuple[PackRule, ...]
    days: tuple[ChosenPack, ...]
    lasting: bool = Field(description="Chosen for today or later")


class SiteRulesPage(StreamPage):
    """The packs that can be chosen; ``closing``: a rule closes sites today."""

    today: date
    closing: bool
    packs: tuple[PackCard, ...]


def rules_page(now: StreamContext, today: date, rules: SituationRules) -> SiteRulesPage:
    """Return the page of a stream on a day."""
    closes = (row for row in rules.rows if isinstance(row.parameters, ClosureRule))
    return SiteRulesPage(
        **now.head,
        today=today,
        closing=any(row.holds_on(today) for row in closes),
        packs=tuple(_card(pack, rules, now.situation.packs, today) for pack in rules.packs),
    )


def _card(
    pack: RulePack, rules: SituationRules, chosen: tuple[ChosenPack, ...], today: date
) -> PackCard:
    days = tuple(row for row in chosen if row.pack == pack.id)
    return PackCard(
        pack=pack,
        rules=tuple(
            PackRule.from_row(row, rule=row.id, first=row.valid_from, last=row.valid_to)
            for row in rules.offered
            if row.pack == pack.id
        ),
        days=days,
        lasting=any(row.last is None or row.last >= today for row in days),
    )
