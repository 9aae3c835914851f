"""Template filters that say in words what the page *Now* holds as codes."""

from __future__ import annotations

from functools import lru_cache

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.live.timeline import TimelineLine, moment
from releve.desk.live.words import notice_text, when
from releve.desk.now.page import COVERED, EffectAside, LateNotice, NowPage, NowSite, TimelineEntry
from releve.desk.text import left, text_now
from releve.network import Operator
from releve.situation import Notice

__all__ = ["headline", "lost_sites", "register", "strip_paths"]

register = Library()

_WIDTH, _HEIGHT = 192, 24
"""Box of the drawing of a client's 48 hours."""
_TONES = {"open": "held", "cut_off": "thin", "closed": "missed"}
_CAUSES = {
    "rule": lazy("closed by the rule"),
    "authority": lazy("closed by an authority"),
    "hazard": lazy("closed by a hazard"),
    "operator": lazy("closed by the operator"),
}
_EFFECTS = {
    "relief": lazy("make the relief"),
    "publish": lazy("publish the routes"),
    "tell": lazy("notify the agents concerned"),
    "send": lazy("send a message"),
}


@register.filter
def headline(page: NowPage) -> str:
    """Return the page's verdict: are the clients served, now and for 48 hours?"""
    if page.state == "missed":
        count = sum(client.state == "missed" for client in page.clients)
        return ngettext(
            "{count} client is short now", "{count} clients are short now", count
        ).format(count=count)
    if page.state == "held":
        return _("Every client is served now and for 48 hours")
    if page.state == "thin":
        if not page.clients:
            return _("A site is lost")
        return _("Every client is served now; a shortfall is expected within 48 hours")
    if page.clients:
        return _("The plan in force does not reach this far")
    if not page.plan.in_force:
        return _("No plan is in force to see")
    if page.plan.begins is not None:
        begins = when(page.plan.begins, text_now(page.time_zone))
        return _("The plan in force begins on {when}").format(when=begins)
    return _("The plan in force is over")


@register.filter
def lost_sites(page: NowPage) -> str:
    """Return the sites that are lost in a sentence; empty when all are open."""
    names = [site.name for site in page.lost]
    if not names:
        return ""
    return ngettext(
        "{count} site is lost: {names}.", "{count} sites are lost: {names}.", len(names)
    ).format(count=len(names), names=", ".join(names))


@register.filter
def site_tone(site: NowSite) -> str:
    """Return the tone of a site's state."""
    return _TONES[site.state]


@register.filter
def site_state(site: NowSite) -> str:
    """Return a site's state, with who closed it."""
    if site.state == "closed":
        return str(_CAUSES[site.cause])
    return _("down") if site.state == "cut_off" else _("open")


@register.filter
def time_left(site: NowSite, page: NowPage) -> str:
    """Return the time until a closed site may open; empty where there is none left."""
    return "" if site.earliest_reopening is None else left(page.at, site.earliest_reopening)


@register.filter
def notice(row: LateNotice, operator: Operator) -> str:
    """Return what is late in a sentence."""
    text = text_now(operator.row.time_zone)
    return notice_text(Notice(row.code, row.site, row.due_at, row.params), operator, text)


@register.filter
def entry_line(row: TimelineEntry, operator: Operator) -> TimelineLine:
    """Return an entry of the timeline as a line."""
    return moment(row.kind, row.at, row.params, operator, text_now(operator.row.time_zone))


@register.filter
def effect_kind(row: EffectAside) -> str:
    """Return what a task is for."""
    return str(_EFFECTS.get(row.kind, row.kind))


@register.filter
@lru_cache(maxsize=512)
def strip_paths(shares: tuple[float | None, ...]) -> tuple[str, str]:
    """Return what is covered and what is short of each half hour as two SVG paths."""
    step = _WIDTH / max(1, len(shares))
    covered, short = [], []
    for at, share in enumerate(shares):
        if share is None:
            continue
        x, top = at * step, _HEIGHT * (1 - share)
        covered.append(f"M{x:.2f} {_HEIGHT}V{top:.2f}h{step:.2f}V{_HEIGHT}z")
        if share < COVERED:
            short.append(f"M{x:.2f} 0v{max(1.0, top):.2f}h{step:.2f}V0z")
    return "".join(covered), "".join(short)
