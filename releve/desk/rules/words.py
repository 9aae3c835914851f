"""Template filters that say the packs of rules in the reader's language."""

from __future__ import annotations

from datetime import date

from django.template import Library
from django.utils.translation import gettext as _

from releve.desk.rules.page import PackRule
from releve.desk.text import text_now
from releve.situation import ChosenPack

register = Library()


@register.filter
def days_words(row: ChosenPack | PackRule) -> str:
    """Return from when to when a pack or a rule holds."""
    text = text_now("UTC")
    first = text.day(row.first, weekday=False)
    if row.last is None:
        return _("from {first} on").format(first=first)
    return _("from {first} to {last}").format(first=first, last=text.day(row.last, weekday=False))


@register.filter
def days_state(row: ChosenPack, today: date) -> str:
    """Return whether days are over, running or to come."""
    if row.holds_on(today):
        return _("in force")
    return _("not yet in force") if row.first > today else _("over")
