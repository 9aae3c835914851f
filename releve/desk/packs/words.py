"""Template filters that say evidence packs in the reader's language."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext as _

from releve.desk.packs.page import PackRow
from releve.desk.text import text_now, translate_phrase
from releve.evidence.pack import PACK_KINDS

register = Library()


@register.filter
def pack_title(kind: str) -> str:
    """Return what packs of a kind are."""
    return translate_phrase(PACK_KINDS[kind].title)


@register.filter
def pack_period(pack: PackRow) -> str:
    """Return the first and the last day of a pack."""
    first, last = (text_now("UTC").day(day, weekday=False) for day in (pack.first, pack.last))
    return _("{start} to {end}").format(start=first, end=last)
