"""The reopening of a site: its checklist, the people who say yes, the opening itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.accounts.two_people import build_approval_check
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.live.answers import RecordFailure, answer, explain_failure
from releve.desk.live.streams import looked_at
from releve.desk.live.words import when
from releve.desk.page import pick_fields
from releve.desk.text import Text, left, text_now
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    Closure,
    Event,
    EventCorrected,
    ReopeningApproved,
    ReopeningChecked,
    SiteReopened,
    list_reopening_acts,
    merge_reopening_terms,
)


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the checklist; ``by`` who did it and ``at`` when, empty while it is to be done.

    ``undo`` is the id of the event that can be taken back, empty once a person has approved.
    """

    id: str
    text: str
    by: str
    at: str
    undo: str
    key: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes; ``undo`` is the id of its event, for that person alone."""

    by: str
    at: str
    undo: str
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
    approvals: tuple[Approval, ...]
    needed: int
    mine: bool
    key: str
    refusals: tuple[str, ...]

    @property
    def undone_words(self) -> str:
        """What is left of the checklist, as a condition."""
        return ngettext(
            "{count} item of the checklist is done",
            "{count} items of the checklist are done",
            self.undone,
        ).format(count=self.undone)

    @property
    def may_approve(self) -> bool:
        """Whether a yes of this reader would be recorded and is still needed."""
        return not self.undone and not self.mine and len(self.approvals) < self.needed

    @property
    def may_open(self) -> bool:
        """Whether every condition is met."""
        return not self.left and not self.undone and len(self.approvals) >= self.needed


@serve("reopening.approve", FORM, site="site", recent=True)
def reopening(request: HttpRequest, site: str) -> HttpResponse:
    """The checklist, the approvals and the opening of one closed site."""
    operator, stream = live.operator_now(), looked_at(request).name
    if site not in operator.site:
        raise Http404(_("There is no such site."))
    text = text_now(operator.row.time_zone).at_site(operator.site[site].time_zone)
    failed = RecordFailure(200, ())
    if request.method == "POST":
        try:
            event = _build_event(request, site, stream)
            judge = build_approval_check(event)
            live.record(event, key=_read_key(request), stream=stream, judge=judge)
        except live.LiveError as error:
            failed = explain_failure(error, text)
        else:
            return _redirect_next(request, site, stream)
    closure = live.situation_now(stream).site(site).closure
    if closure is None:
        messages.info(request, _("This site is open."))
        return redirect("now")
    page = _build_page(request, site, closure, operator, text, failed.sentences)
    return answer(request, "desk/live/reopening.html", page, _page_twin(page), failed.status)


def _build_event(request: HttpRequest, site: str, stream: str) -> Event:
    """Return the act that was asked for: an item done, a yes, or the opening."""
    common: dict[str, Any] = {**live.sign_event(stream, actor_name(request)), "site": site}
    act = request.POST.get("act", "")
    if act == "approve":
        return ReopeningApproved(**common)
    if act == "open":
        return SiteReopened(**common)
    if act.startswith(_UNDO):
        return _build_undo(act.removeprefix(_UNDO), actor_name(request), site, stream, common)
    return ReopeningChecked(**common, item=act[:64], note=request.POST.get("note", "")[:500])


_UNDO = "undo:"


def _build_undo(
    wrong: str, actor: str, site: str, stream: str, common: dict[str, Any]
) -> EventCorrected:
    """Return the correction of a tick, while no person has approved, or of one's own approval."""
    situation = live.situation_now(stream)
    acts = list_reopening_acts(situation, site)
    closure = situation.site(site).closure
    undoable = {
        row.id
        for row in acts
        if (isinstance(row, ReopeningChecked) and closure is not None and not closure.approvals)
        or (isinstance(row, ReopeningApproved) and row.actor == actor)
    }
    if wrong not in undoable:
        raise Http404(_("This can no longer be taken back: look at the page again."))
    own = {name: value for name, value in common.items() if name != "site"}
    return EventCorrected(**own, corrects=wrong, reason=_("Taken back on the reopening page"))


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
    stream = looked_at(request).name
    terms = merge_reopening_terms(closure, site, operator, live.rules_now(stream))
    until, reader = closure.earliest_reopening, actor_name(request)
    at, acts = live.now(stream), list_reopening_acts(live.situation_now(stream), site)
    ticks = {row.item: row for row in acts if isinstance(row, ReopeningChecked)}
    items = tuple(
        Item(
            row.id,
            text.own(row),
            *_describe_act(ticks.get(row.id), text, undoable=not closure.approvals),
            uuid.uuid4().hex,
        )
        for row in terms.checklist
    )
    approvals = tuple(
        Approval(*_describe_act(row, text, undoable=row.actor == reader), uuid.uuid4().hex)
        for row in acts
        if isinstance(row, ReopeningApproved)
    )
    return ReopeningPage(
        site=site,
        name=operator.site[site].name,
        since=when(closure.ordered_at, text),
        earliest="" if until is None else when(until, text),
        left="" if until is None else left(at, until),
        items=items,
        undone=sum(not item.by for item in items),
        approvals=approvals,
        needed=terms.approvals,
        mine=reader in closure.approvals,
        key=uuid.uuid4().hex,
        refusals=refused,
    )


def _describe_act(
    row: ReopeningChecked | ReopeningApproved | None, text: Text, *, undoable: bool
) -> tuple[str, str, str]:
    """Return who did something, when, and the id by which it can be taken back."""
    if row is None:
        return "", "", ""
    return row.actor, when(row.happened_at, text), row.id if undoable else ""


def _page_twin(page: ReopeningPage) -> dict[str, Any]:
    return {
        **pick_fields(page, "site", "since", "earliest", "needed"),
        "items": {item.id: item.by for item in page.items},
        "approvals": [row.by for row in page.approvals],
        "refusals": list(page.refusals),
    }
