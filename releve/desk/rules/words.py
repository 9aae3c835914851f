"""Template filters that say the packs of rules in the reader's language."""

from __future__ import annotations

from datetime import date

from django.template import Library
from django.utils.translation import gettext_lazy as lazy

from releve.situation import ChosenPack

register = Library()
_STATES = {
    "in_force": lazy("in force"),
    "to_come": lazy("not yet in force"),
    "over": lazy("over"),
}


@register.filter
def days_state(row: ChosenPack, today: date) -> str:
    """Return whether days are over, running or to come."""
    return str(_STATES[row.state_on(today)])
