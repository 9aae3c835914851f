"""Template filters that say how the day of a programme goes."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import zip_longest

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import add_words
from releve.desk.ledger.words import translate_kind
from releve.desk.service.page import ProgrammeServiceNow
from releve.desk.service.statement_page import ServiceStatement
from releve.desk.text import text_now, translate_phrase
from releve.live.api import ServiceLoss
from releve.network import Operator

register = Library()
_TONES = {
    "lost": "missed",
    "losing": "thin",
    "below": "thin",
    "held": "held",
    "unknown": "unknown",
}
add_words(register, "target_tone", _TONES)


@register.filter
def target_words(row: ProgrammeServiceNow) -> str:
    """Return what becomes of a programme's target today."""
    if row.state == "losing" and row.lost_minutes is not None:
        return _("target lost in {time}").format(time=_write_minutes(row.lost_minutes))
    if row.state == "losing" and row.below_minutes:
        return _("below target in {time}").format(time=_write_minutes(row.below_minutes))
    return str(_STATES[row.state])


_STATES = {
    "lost": lazy("target lost for today"),
    "losing": lazy("below target until the evening"),
    "below": lazy("below target for now"),
    "held": lazy("target held"),
    "unknown": lazy("not known"),
}


def _write_minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("{minutes} min").format(minutes=rest)
    return _("{hours} h {minutes}").format(hours=hours, minutes=f"{rest:02}")


@register.filter
def fault_words(fault: tuple[str, ...]) -> str:
    """Return the texts of a fault of a file as one sentence."""
    return "; ".join(map(translate_phrase, fault))


@register.filter
def level(share: float | None) -> str:
    """Return a service level to a tenth of a percent, cut and not rounded up to a target."""
    return "–" if share is None else text_now("UTC").percent(int(share * 1000 + 1e-9) / 1000, 1)


@register.filter
def deviation(row: object) -> str:
    """Return calls offered over the forecast of the same half hours; empty where not known."""
    offered, expected = getattr(row, "offered", None), getattr(row, "expected", None)
    if offered is None or not expected:
        return ""
    share = round(100 * (offered / expected - 1))
    return _("{sign}{percent} on forecast").format(
        sign="+" if share > 0 else "", percent=text_now("UTC").percent(share / 100)
    )


@register.filter
def half_hour(start: datetime | None, time_zone: str) -> str:
    """Return a half hour by the operator's clocks; empty where there is none."""
    return "" if start is None else text_now(time_zone).time(start)


@register.filter
def period_words(page: ServiceStatement) -> str:
    """Return the days of a statement."""
    text = text_now(page.time_zone)
    if page.first == page.last:
        return text.day(page.first)
    return _("{first} to {last}").format(first=text.day(page.first), last=text.day(page.last))


@register.filter
def loss_words(row: ServiceLoss, operator: Operator) -> str:
    """Return how many calls were not answered while which events lasted."""
    text = text_now(operator.row.time_zone)
    missed = "–" if math.isnan(row.missed) else text.number(row.missed)
    figures = {"missed": missed, "offered": text.number(row.offered)}
    if not row.seqs:
        return _("No event: {missed} of {offered} calls.").format(**figures)
    events = []
    for entry, kind, place in zip_longest(row.seqs, row.kinds, row.places, fillvalue=""):
        site = operator.site.get(place)
        where = f" ({site.name if site else place})" if place else ""
        said = {"kind": translate_kind(kind), "where": where, "entry": entry}
        events.append(_("{kind}{where}, entry {entry}").format(**said))
    lost = _("{events}: {missed} of {offered} calls.").format(events=text.list(events), **figures)
    if not row.late:
        return lost
    late = ngettext(
        "{count} of these events was recorded late.",
        "{count} of these events were recorded late.",
        row.late,
    ).format(count=text.number(row.late))
    return f"{lost} {late}"
