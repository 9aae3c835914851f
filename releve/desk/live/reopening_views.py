"""The reopening of a site: its checklist, the people who say yes, the opening itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from releve.accounts.two_people import build_approval_check
from releve.desk.access.actor import actor_name
from releve.desk.access.guard import require_permission, require_recent_auth
from releve.desk.database_errors import unrecorded
from releve.desk.live.answers import answer, explained
from releve.desk.live.streams import looked_at
from releve.desk.live.words import refusal_text, when
from releve.desk.text import Text, left, text_now
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    Closure,
    Event,
    ReopeningApproved,
    ReopeningChecked,
    SiteReopened,
    merge_reopening_terms,
)

__all__ = ["reopening"]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the checklist; ``by`` who did it, empty while it is to be done."""

    id: str
    text: str
    by: str
    key: str


@dataclass(frozen=True, slots=True)
class ReopeningPage:
    """What a closure waits for, and why the last act was refused, if it was."""

    site: str
    name: str
    since: str
    earliest: str
    left: str
    items: tuple[Item, ...]
    undone: int
    approvals: tuple[str, ...]
    needed: int
    mine: bool
    key: str
    refusals: tuple[str, ...]


@require_permission("reopening.approve", site="site")
@require_recent_auth
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def reopening(request: HttpRequest, site: str) -> HttpResponse:
    """The checklist, the approvals and the opening of one closed site."""
    operator, stream = live.operator_now(), looked_at(request).name
    if site not in operator.site:
        raise Http404(_("There is no such site."))
    text = text_now(operator.row.time_zone)
    refused: tuple[str, ...] = ()
    status = 200
    if request.method == "POST":
        try:
            event = _build_event(request, site, stream)
            judge = build_approval_check(event)
            live.record(event, key=_read_key(request), stream=stream, judge=judge)
        except live.Refused as error:
            refused = tuple(refusal_text(row, operator, text) for row in error.reasons)
            status = 422
        except live.Busy as error:
            refused, status = (unrecorded(error),), 503
        except live.KeyReused:
            refused, status = (_("Nothing was recorded; send it again."),), 503
        else:
            return _redirect_next(request, site, stream)
    closure = live.situation_now(stream).site(site).closure
    if closure is None:
        messages.info(request, _("This site is open."))
        return redirect("now")
    page = _build_page(request, site, closure, operator, text, refused)
    return answer(request, "desk/live/reopening.html", page, _page_twin(page), status)


def _build_event(request: HttpRequest, site: str, stream: str) -> Event:
    """Return the act that was asked for: an item done, a yes, or the opening."""
    at = live.now(stream)
    common: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "happened_at": at,
        "recorded_at": at,
        "actor": actor_name(request),
        "site": site,
    }
    act = request.POST.get("act", "")
    if act == "approve":
        return ReopeningApproved(**common)
    if act == "open":
        return SiteReopened(**common)
    return ReopeningChecked(**common, item=act[:64], note=request.POST.get("note", "")[:500])


def _read_key(request: HttpRequest) -> str:
    return request.POST.get("key", "")[:64] or uuid.uuid4().hex


def _redirect_next(request: HttpRequest, site: str, stream: str) -> HttpResponse:
    if live.situation_now(stream).site(site).closed:
        return redirect("record_reopening", site)
    messages.success(request, _("The site is open again."))
    return redirect("now")


def _build_page(
    request: HttpRequest,
    site: str,
    closure: Closure,
    operator: Operator,
    text: Text,
    refused: tuple[str, ...],
) -> ReopeningPage:
    terms = merge_reopening_terms(closure, site, operator, live.rules_now())
    done, until = dict(closure.done), closure.earliest_reopening
    items = tuple(
        Item(
            row.id,
            row.text_fr if text.french else row.text,
            done.get(row.id, ""),
            uuid.uuid4().hex,
        )
        for row in terms.checklist
    )
    at = live.now(looked_at(request).name)
    return ReopeningPage(
        site=site,
        name=operator.site[site].name,
        since=when(closure.ordered_at, text),
        earliest="" if until is None else when(until, text),
        left="" if until is None else left(at, until),
        items=items,
        undone=sum(not item.by for item in items),
        approvals=closure.approvals,
        needed=terms.approvals,
        mine=actor_name(request) in closure.approvals,
        key=uuid.uuid4().hex,
        refusals=refused,
    )


def _page_twin(page: ReopeningPage) -> dict[str, Any]:
    return {
        "site": page.site,
        "since": page.since,
        "earliest": page.earliest,
        "items": {item.id: item.by for item in page.items},
        "approvals": list(page.approvals),
        "needed": page.needed,
        "refusals": list(page.refusals),
    }
