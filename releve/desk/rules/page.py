"""What the page of the packs of rules holds: their sentences, and the days they are chosen for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pydantic import Field

from releve.desk.page import PageModel
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


class PackDays(PageModel):
    """Days for which a pack is chosen, both included; null: until it is ended."""

    first: date
    last: date | None
    over: bool
    ahead: bool


class PackCard(PageModel):
    """A pack: its rules, and the days for which it is chosen."""

    pack: str
    name: str
    name_fr: str
    text: str
    text_fr: str
    source: str
    source_fr: str
    rules: tuple[PackRule, ...]
    days: tuple[PackDays, ...]
    lasting: bool = Field(description="Chosen for today or later")


class SiteRulesPage(PageModel):
    """The packs that can be chosen; ``closing``: a rule closes sites today."""

    stream: str
    today: date
    closing: bool
    packs: tuple[PackCard, ...]


def rules_page(
    stream: str, today: date, rules: SituationRules, chosen: tuple[ChosenPack, ...]
) -> SiteRulesPage:
    """Return the page of a stream on a day."""
    closes = (row for row in rules.rows if isinstance(row.parameters, ClosureRule))
    return SiteRulesPage(
        stream=stream,
        today=today,
        closing=any(row.holds_on(today) for row in closes),
        packs=tuple(_card(pack, rules, chosen, today) for pack in rules.packs),
    )


def _card(
    pack: RulePack, rules: SituationRules, chosen: tuple[ChosenPack, ...], today: date
) -> PackCard:
    days = tuple(_days(pack.id, chosen, today))
    return PackCard.from_row(
        pack,
        pack=pack.id,
        rules=tuple(
            PackRule.from_row(row, rule=row.id, first=row.valid_from, last=row.valid_to)
            for row in rules.offered
            if row.pack == pack.id
        ),
        days=days,
        lasting=any(not row.over for row in days),
    )


def _days(pack: str, chosen: tuple[ChosenPack, ...], today: date) -> Iterator[PackDays]:
    for one in chosen:
        if one.pack == pack:
            over = one.last is not None and one.last < today
            yield PackDays(first=one.first, last=one.last, over=over, ahead=one.first > today)
