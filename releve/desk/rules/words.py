"""Template filters that say the packs of rules in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.forms import Form
from django.template import Library
from django.utils.translation import gettext as _

from releve.desk.rules.forms import ChoiceForm
from releve.desk.rules.page import PackCard, PackDays, PackRule
from releve.desk.text import text_now

register = Library()


@register.filter
def days_words(row: PackDays | PackRule) -> str:
    """Return from when to when a pack or a rule holds."""
    text = text_now("UTC")
    first = text.day(row.first, weekday=False)
    if row.last is None:
        return _("from {first} on").format(first=first)
    return _("from {first} to {last}").format(first=first, last=text.day(row.last, weekday=False))


@register.filter
def days_state(row: PackDays) -> str:
    if row.over:
        return _("over")
    return _("not yet in force") if row.ahead else _("in force")


@register.filter
def pack_form(forms: Mapping[str, Form], card: PackCard) -> Form:
    """Return the form of a pack."""
    return forms[card.pack]


@register.filter
def chooses(form: Form) -> bool:
    """Return whether a form chooses a pack, not ends one."""
    return isinstance(form, ChoiceForm)
