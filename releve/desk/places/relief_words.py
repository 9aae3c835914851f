"""Reliefs in words: where each comes from, and what it answers."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.text import Text
from releve.live.api import Relief
from releve.network import Operator

__all__ = ["lost_words", "source_word"]

_SOURCES = {
    "planned": lazy("prepared in the plan"),
    "first": lazy("first answer"),
    "optimum": lazy("optimum in whole people"),
    "base": lazy("back to the plan"),
}


def source_word(source: str) -> str:
    """Return where a relief comes from."""
    return str(_SOURCES.get(source, source))


def lost_words(relief: Relief, operator: Operator, text: Text) -> str:
    """Return which places a relief answers the loss of, on any of its days."""
    sites = {name for row in relief.lost.values() for name in row["sites"]}
    carriers = {name for row in relief.lost.values() for name in row["carriers"]}
    names = [operator.site[name].name if name in operator.site else name for name in sites]
    return text.list([*sorted(names), *sorted(carriers)]) or _("nothing is lost")
