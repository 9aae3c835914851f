"""What the Now page shows: the verdict, sites, clients, what is late, people told, effects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.accounts.scopes import Scope
from releve.desk.live.timeline import Moment, timeline
from releve.desk.live.words import notice_text, when
from releve.desk.presenters.text import Text, left
from releve.live import api as live
from releve.live.identity_cache import Kept
from releve.live.models import Effect
from releve.network import Operator
from releve.situation import Notice, Situation, notices

__all__ = [
    "Banner",
    "ClientRow",
    "NowPage",
    "SiteRow",
    "late_notices",
    "now_page",
    "now_twin",
]

_WIDE, _HIGH = 192, 24
_MOST_LATE = 30


@dataclass(frozen=True, slots=True)
class Banner:
    """The verdict: ``tone`` one of missed, thin, held, unknown."""

    tone: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site's state; ``left`` is the time until it may open, empty where there is none.

    ``url`` leads to the reopening, ``room_url`` to the incident room, for who may enter there.
    """

    id: str
    name: str
    tone: str
    state: str
    since: str
    left: str
    until: str
    url: str
    room_url: str = ""


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client's coverage now and at the worst of 48 hours; ``covered`` and ``short`` are paths."""

    id: str
    name: str
    tone: str
    now: str
    worst: str
    worst_at: str
    missing: str
    covered: str
    short: str


@dataclass(frozen=True, slots=True)
class EffectRow:
    """A task that was set aside."""

    id: int
    kind: str
    error: str
    url: str


@dataclass(frozen=True, slots=True)
class NowPage:
    """The whole page; parts that a reader may not see are empty or None."""

    banner: Banner
    at: str
    sites: tuple[SiteRow, ...]
    clients: tuple[ClientRow, ...]
    late: tuple[str, ...]
    counts: live.Counts | None
    aside: tuple[EffectRow, ...]
    retried: int
    moments: tuple[Moment, ...]
    retries: bool
    part_url: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the page is made from."""

    stream: str
    at: datetime
    operator: Operator
    situation: Situation
    text: Text
    scope: Scope
    reopens: bool
    works: bool


def now_page(
    stream: str, text: Text, seen: Scope, *, reopens: bool = False, works: bool = False
) -> NowPage:
    """Return the page of a stream as one reader may see it.

    ``reopens``: they may lift closures; ``works``: work in incident rooms, and try again what was
    set aside.

    The number of queries does not depend on the number of sites, clients or people.
    """
    made = _Seen(
        stream, live.now(stream), live.operator_now(), live.situation_now(stream), text, seen,
        reopens, works,
    )  # fmt: skip
    found = live.coverage(stream) if seen.clients is None or seen.clients else None
    clients = _clients(made, found)
    sites = tuple(_site(made, site.id) for site in made.operator.sites if seen.has_site(site.id))
    whole = seen.sites is None
    return NowPage(
        banner=_banner(sites, clients, _reach(found, text)),
        at=when(made.at, text),
        sites=tuple(sorted(sites, key=lambda row: row.tone == "held")),
        clients=clients,
        late=_late(made),
        counts=live.message_counts(stream) if whole else None,
        aside=tuple(_effect(row) for row in live.effects_aside(stream)) if whole else (),
        retried=len(live.effects_late(stream)) if whole else 0,
        moments=timeline(stream, made.operator, text, seen),
        retries=works,
        part_url=f"{reverse('now')}?part=live",
    )


def now_twin(page: NowPage) -> dict[str, Any]:
    """Return the page as plain values."""
    return {
        "banner": asdict(page.banner),
        "at": page.at,
        "sites": [asdict(row) for row in page.sites],
        "clients": [
            {k: v for k, v in asdict(row).items() if k not in ("covered", "short")}
            for row in page.clients
        ],
        "late": list(page.late),
        "messages": None if page.counts is None else asdict(page.counts),
        "aside": [asdict(row) for row in page.aside],
        "retried": page.retried,
        "timeline": [asdict(row) for row in page.moments],
    }


def _reach(found: live.Coverage | None, text: Text) -> str:
    """Return that no plan reaches the hours ahead, and when one does."""
    if found is None:
        return _("No plan is in force to see")
    if found.planned_from is not None:
        return _("The plan in force begins on {when}").format(when=when(found.planned_from, text))
    return _("The plan in force is over")


def _banner(sites: tuple[SiteRow, ...], clients: tuple[ClientRow, ...], reach: str) -> Banner:
    closed = [row.name for row in sites if row.tone != "held"]
    detail = (
        ngettext(
            "{count} site is lost: {names}.", "{count} sites are lost: {names}.", len(closed)
        ).format(count=len(closed), names=", ".join(closed))
        if closed
        else ""
    )
    return Banner(*_verdict(clients, bool(closed), reach), detail)


def _verdict(clients: tuple[ClientRow, ...], closed: bool, reach: str) -> tuple[str, str]:
    tones = [row.tone for row in clients]
    missed = tones.count("missed")
    if missed:
        title = ngettext(
            "{count} client is short now", "{count} clients are short now", missed
        ).format(count=missed)
        return "missed", title
    if tones.count("thin"):
        return "thin", _("Every client is served now; somebody will be short within 48 hours")
    if tones and "unknown" not in tones:
        return "held", _("Every client is served now and for 48 hours")
    if clients:
        return "unknown", _("The plan in force does not reach this far")
    return ("thin", _("A site is lost")) if closed else ("unknown", reach)


def _site(made: _Seen, site: str) -> SiteRow:
    text, state = made.text, made.situation.site(site)
    name = made.operator.site[site].name
    closure = state.closure
    if closure is None:
        outage = next(
            (
                row
                for kind in ("power", "link")
                if (row := made.situation.outages.get((kind, site)))
            ),
            None,
        )
        if outage is not None:
            return SiteRow(site, name, "thin", _("down"), when(outage.since, text), "", "", "")
        return SiteRow(site, name, "held", _("open"), "", "", "", "")
    until = closure.earliest_reopening
    room = f"{reverse('incident')}?{urlencode({'site': site})}"
    return SiteRow(
        site,
        name,
        "missed",
        _closed_by(closure.cause),
        when(closure.ordered_at, text),
        "" if until is None else left(made.at, until),
        "" if until is None else when(until, text),
        reverse("record_reopening", args=[site]) if made.reopens else "",
        room if made.works else "",
    )


def _closed_by(cause: str) -> str:
    words = {
        "rule": _("closed by the rule"),
        "authority": _("closed by an authority"),
        "hazard": _("closed by a hazard"),
        "operator": _("closed by the operator"),
    }
    return words[cause]


def _clients(made: _Seen, found: live.Coverage | None) -> tuple[ClientRow, ...]:
    if found is None:
        return ()
    drawn = _drawn.get(made.text, (found.clients,), lambda: _draw(found.clients, made.text))
    rows = [row for row in drawn if made.scope.has_client(row.id)]
    order = ("missed", "thin", "unknown", "held")
    return tuple(sorted(rows, key=lambda row: order.index(row.tone)))


_drawn: Kept[tuple[ClientRow, ...]] = Kept()
"""By language and zone: the rows of every client, for as long as their coverage is the same."""


def _draw(clients: Sequence[live.ClientCoverage], text: Text) -> tuple[ClientRow, ...]:
    return tuple(_client(row, text) for row in clients)


def _client(row: live.ClientCoverage, text: Text) -> ClientRow:
    covered, short = _paths([None if math.isnan(share) else float(share) for share in row.share])
    return ClientRow(
        row.client,
        row.name,
        _tone(row),
        "–" if row.now is None else text.coverage(row.now),
        "–" if row.worst is None else text.coverage(row.worst),
        "" if row.worst_at is None else when(row.worst_at, text),
        text.missing(row.missing),
        covered,
        short,
    )


def _tone(row: live.ClientCoverage) -> str:
    if row.worst is None:
        return "unknown"
    if row.now is not None and row.now < _WHOLE:
        return "missed"
    return "thin" if row.worst < _WHOLE else "held"


_WHOLE = 1 - 1e-6


def _paths(shares: list[float | None]) -> tuple[str, str]:
    """Return what is covered and what is short of each half hour as two SVG paths."""
    step = _WIDE / max(1, len(shares))
    covered, short = [], []
    for at, share in enumerate(shares):
        if share is None:
            continue
        x, top = at * step, _HIGH * (1 - share)
        covered.append(f"M{x:.2f} {_HIGH}V{top:.2f}h{step:.2f}V{_HIGH}z")
        if share < _WHOLE:
            short.append(f"M{x:.2f} 0v{max(1.0, top):.2f}h{step:.2f}V0z")
    return "".join(covered), "".join(short)


def late_notices(
    situation: Situation, operator: Operator, at: datetime, seen: Scope
) -> tuple[Notice, ...]:
    """Return what is late at the sites seen; what is of no site only to who sees all of them."""
    return tuple(
        row
        for row in notices(situation, operator, live.rules_now(), at)
        if (seen.has_site(row.site) if row.site else seen.sites is None)
    )


def _late(made: _Seen) -> tuple[str, ...]:
    mine = late_notices(made.situation, made.operator, made.at, made.scope)
    return tuple(notice_text(row, made.operator, made.text) for row in mine[:_MOST_LATE])


def _effect(row: Effect) -> EffectRow:
    words: Mapping[str, str] = {
        "relief": _("make the relief"),
        "publish": _("publish the routes"),
        "tell": _("tell the people concerned"),
        "send": _("send a message"),
    }
    return EffectRow(
        row.pk, words.get(row.kind, row.kind), row.error, reverse("effect_retry", args=[row.pk])
    )
