"""Template filters that say in words what the page *Now* holds as codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import add_words
from releve.desk.live.words import notice_text, translate_cause, when
from releve.desk.now.page import LateNotice, NowPage
from releve.desk.places.words import CLIENT_TONES, SITE_TONES
from releve.desk.text import left, text_now
from releve.live.api import ClientCoverage, IdentityCache, StrayRouting
from releve.network import Operator
from releve.plan.coverage import COVERED
from releve.situation import Notice, SiteStatus

register = Library()

_WIDTH, _HEIGHT = 192, 24
"""Box of the drawing of a client's 48 hours."""
_EFFECTS = {
    "relief": lazy("make the relief"),
    "publish": lazy("publish the routes"),
    "notify": lazy("notify the agents concerned"),
    "send": lazy("send a message"),
}
add_words(register, "client_tone", CLIENT_TONES)
add_words(register, "site_tone", SITE_TONES)
add_words(register, "effect_kind", _EFFECTS, else_code=True)


@register.filter
def headline(page: NowPage) -> str:
    """Return the page's verdict: what is lost, then the client served worst."""
    return " ".join(part for part in (_describe_losses(page), _describe_service(page)) if part)


def _describe_losses(page: NowPage) -> str:
    """Return the sites that are lost, those closed first; empty when all are open."""
    parts = []
    if closed := [site.name for site in page.lost if site.state == "closed"]:
        parts.append(
            ngettext("{names}: site closed.", "{names}: sites closed.", len(closed)).format(
                names=text_now(page.time_zone).list(closed)
            )
        )
    if cut := [site.name for site in page.lost if site.state == "cut_off"]:
        parts.append(
            ngettext("{names}: site cut off.", "{names}: sites cut off.", len(cut)).format(
                names=text_now(page.time_zone).list(cut)
            )
        )
    return " ".join(parts)


def _describe_service(page: NowPage) -> str:
    text = text_now(page.time_zone)
    if (worst := page.worst) is not None:
        if worst.short_now:
            share = text.coverage(worst.now or 0.0)
            return _("{client}: {coverage} covered now.").format(client=worst.name, coverage=share)
        at = "" if worst.worst_at is None else when(worst.worst_at, text)
        share = text.coverage(worst.worst or 0.0)
        return _("{client}: {coverage} covered on {when}.").format(
            client=worst.name, coverage=share, when=at
        )
    if page.plan.reach is None:
        return _describe_plan(page)
    until = _describe_reach(page)
    if unknown := [
        client for client in page.clients if client.state == "unknown" and not client.idle
    ]:
        return _("The requirement of {client} is not known.").format(client=unknown[0].name)
    if any(client.state == "held" for client in page.clients):
        return _("Every requirement is covered, now and {until}.").format(until=until)
    if page.clients:
        return _("Nothing is required, now and {until}.").format(until=until)
    if page.sites and not page.lost:
        return ngettext("The site is open.", "Every site is open.", len(page.sites))
    return ""


def _describe_reach(page: NowPage) -> str:
    if page.plan.whole or page.plan.reach is None:
        return _("for 48 hours")
    return _("until {when}").format(when=when(page.plan.reach, text_now(page.time_zone)))


def _describe_plan(page: NowPage) -> str:
    """Return why no plan speaks of the hours ahead."""
    if not page.plan.in_force:
        return _("No plan is in force.")
    if page.plan.begins is not None:
        begins = when(page.plan.begins, text_now(page.time_zone))
        return _("The plan in force begins on {when}.").format(when=begins)
    return _("The plan in force is over.")


_ALARMS = {
    "ledger": lazy(
        "The database is behind its signed roots: nothing is recorded or sent until an"
        " administrator has put it right (`releve doctor` says how)"
    ),
    "disk": lazy("The disk is full: nothing more can be recorded or sent until space is freed"),
    "stopped": lazy("The worker is stopped: what is recorded has no effect until it is started"),
    "silent": lazy("The worker does not run: what is recorded has no effect until it is started"),
    "stuck": lazy("The worker hangs: what is recorded has no effect until it is restarted"),
    "overdue": lazy("Reliefs, routes or messages are overdue: the worker does not keep up"),
    "clock": lazy(
        "The clock was set ahead or back under the worker: set it right or, if it is right,"
        " restart the worker"
    ),
}


_ROUTING = {
    "diverged": lazy("{system} routes by other routes than those wanted"),
    "silent": lazy("{system} does not answer: it keeps the routes that it has"),
}


_ROUTING_STATES = {
    "pending": lazy("being published"),
    "applied": lazy("published, not yet confirmed"),
    "confirmed": lazy("published and confirmed"),
    "diverged": lazy("holds other routes"),
    "silent": lazy("does not answer"),
    "timed_out": lazy("not published in time"),
}
add_words(register, "worker_alarm", _ALARMS)
add_words(register, "routing_state", _ROUTING_STATES)


@register.filter
def routing_alarm(row: StrayRouting) -> str:
    """Return what is wrong with a telephony system."""
    late = lazy("{system} has not taken the newest routes")
    return str(_ROUTING.get(row.state, late)).format(system=row.adapter)


@register.filter
def shortfalls(page: NowPage) -> str:
    """Return how many clients are short, now and later; empty where none is."""
    now = sum(client.short_now for client in page.clients)
    later = sum(client.short for client in page.clients) - now
    parts = []
    if now:
        parts.append(
            ngettext("{count} client short now.", "{count} clients short now.", now).format(
                count=now
            )
        )
    if later:
        parts.append(
            ngettext(
                "{count} client short later within 48 hours.",
                "{count} clients short later within 48 hours.",
                later,
            ).format(count=later)
        )
    return " ".join(parts)


@register.filter
def site_since(site: SiteStatus, page: NowPage) -> str:
    """Return since when a site is lost, by its clocks; empty while it is open."""
    text = text_now(page.time_zone).at_site(site.time_zone)
    return "" if site.since is None else when(site.since, text)


@register.filter
def site_state(site: SiteStatus) -> str:
    """Return a site's state, with who closed it."""
    if site.state == "closed":
        return translate_cause(site.cause, site.rule_cases, site.rule_days)
    return _("down") if site.state == "cut_off" else _("open")


@register.filter
def time_left(site: SiteStatus, page: NowPage) -> str:
    """Return the time until a closed site may open; empty where there is none left."""
    return "" if site.earliest_reopening is None else left(page.at, site.earliest_reopening)


@register.filter
def notice(row: LateNotice, operator: Operator) -> str:
    """Return what is late in a sentence."""
    text = text_now(operator.row.time_zone)
    if row.site in operator.site:
        text = text.at_site(operator.site[row.site].time_zone)
    return notice_text(Notice(row.code, row.site, row.due_at, row.params), operator, text)


@register.filter
def strip_paths(client: ClientCoverage) -> tuple[str, str]:
    """Return what is covered and what is short of each half hour as two SVG paths."""
    share = client.share
    return _strips.get(client.client, (share,), lambda: _draw_strip(share.tolist()))


_strips: IdentityCache[tuple[str, str]] = IdentityCache(512)


def _draw_strip(shares: Sequence[float]) -> tuple[str, str]:
    step = _WIDTH / max(1, len(shares))
    covered, short = [], []
    for at, share in enumerate(shares):
        if math.isnan(share):
            continue
        x, top = at * step, _HEIGHT * (1 - share)
        covered.append(f"M{x:.2f} {_HEIGHT}V{top:.2f}h{step:.2f}V{_HEIGHT}z")
        if share < COVERED:
            short.append(f"M{x:.2f} 0v{max(1.0, top):.2f}h{step:.2f}V0z")
    return "".join(covered), "".join(short)
