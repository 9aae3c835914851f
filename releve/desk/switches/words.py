"""Template filters that say in words what the pages of prepared switches hold as codes."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.plan.names import country
from releve.desk.switches.page import PlaceCalls, PressedSwitch, Rehearsed, SwitchPage, SwitchRow
from releve.desk.text import text_now
from releve.network import HOME

register = Library()

_LOSSES = {
    "site": lazy("{name} closes"),
    "destination": lazy("all sites of {name} close"),
    "carrier": lazy("{name} home lines fail"),
}


@register.filter
def switch_loss(row: SwitchRow | SwitchPage | PressedSwitch) -> str:
    """Return what a contingency is, as in the middle of a sentence."""
    name = country(row.name) if row.kind == "destination" else row.name
    return str(_LOSSES.get(row.kind, lazy("“{name}” occurs"))).format(name=name)


@register.filter
def switch_source(row: SwitchRow | SwitchPage) -> str:
    """Return what the prepared routes assume of the people."""
    text = text_now("UTC")
    if row.source == "planned":
        said = _("by the planned relief; people it moves: {count}")
        return said.format(count=text.number(row.moved))
    if row.source == "unrelieved":
        return _("a relief is in force: people stay where they are")
    return _("being worked out")


@register.filter
def rehearsal_words(row: Rehearsed) -> str:
    """Return what a telephony system answered to the rehearsal."""
    if row.error:
        return _("{system} would refuse it: {error}").format(system=row.adapter, error=row.error)
    if row.changes is None:
        return _("{system} would take it").format(system=row.adapter)
    return _("{system} would take it; routes it changes: {count}").format(
        system=row.adapter, count=text_now("UTC").number(row.changes)
    )


@register.filter
def calls_place(row: PlaceCalls) -> str:
    """Return the name of a place that takes calls."""
    return _("at home") if row.place == HOME else row.name or row.place
