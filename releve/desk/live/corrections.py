"""Corrections: what was recorded, who corrected it and why; the form for one, with what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.filters import add_words
from releve.desk.forms import build_id_field, build_radio_field, build_text_field, build_time_field, set_choices
from releve.desk.http import keep_unstored, page_response, require_found
from releve.desk.live.forms import PRIVATE, EventForm, build_record_check, read_clocks
from releve.desk.page import PageModel, StreamPage
from releve.desk.places.page import StreamContext, moment
from releve.live import api as live
from releve.situation import (
    CaseDeclared,
    ClosureExtended,
    Event,
    EventCorrected,
    EventRefusal,
    RecordedEvent,
    SiteClosed,
    Situation,
    find_refusals,
    list_recorded_events,
)

_SHOWN = timedelta(days=60)


class RecordRow(PageModel):
    """A record that the reader may correct, or that was corrected; ``lifts``: the order of a rule."""

    id: str
    kind: str
    site: str = Field(description="Name of the site, or of the carrier")
    site_id: str
    agent: str = Field(description="Pseudonym; empty where the record is not about one agent")
    status: str
    happened_at: datetime
    recorded_at: datetime
    actor: str
    lifts: bool
    corrected_at: datetime | None
    corrected_by: str
    reason: str
    truth: str


class CorrectionsPage(StreamPage):
    """The records of the last days that the reader may correct, the newest first."""

    site: str = Field(description="Only of this site; empty: of all that the reader may see")
    records: tuple[RecordRow, ...]


class CorrectionPage(StreamPage):
    """One record, and what would follow from its correction once that was sent."""

    record: RecordRow
    preview: live.CorrectionPreview | None


class CorrectionForm(EventForm):
    """What is true of a record, and why: withdrawn, another person, another result, another time."""

    records = EventCorrected
    title = lazy("Correct a record")
    truth = build_radio_field(lazy("What is true"), ("withdrawn", lazy("It did not happen: it is withdrawn entirely")))
    agent = build_id_field(
        lazy("Pseudonym of the other person"), PRIVATE, required=False, help_text=lazy("Only for another person.")
    )
    at = build_time_field(lazy("The true time, on the clocks of the site"), lazy("Only for another time."))
    reason = build_text_field(
        lazy("Why, without a person’s name"),
        rows=2,
        required=True,
        help_text=lazy("Everybody who sees the closure of the site reads it."),
    )

    def __init__(self, wrong: Event, data: Any = None) -> None:
        super().__init__(data)
        self.wrong = wrong
        self.clocks_of = getattr(wrong, "site", "")
        choices = [("withdrawn", _("It did not happen: it is withdrawn entirely"))]
        if isinstance(wrong, CaseDeclared):
            contact = wrong.status == "contact"
            other = _("It was a positive test, not a contact") if contact else _("It was a contact, no positive test")
            choices += [("other_person", _("It was another person")), ("other_result", other)]
        else:
            del self.fields["agent"]
        if isinstance(wrong, SiteClosed | ClosureExtended):
            del self.fields["at"]
        else:
            choices.append(("other_time", _("It was at another time")))
        set_choices(self, "truth", choices)

    def clean(self) -> dict[str, Any]:
        """Refuse another person without a pseudonym, and another time without one."""
        found = super().clean() or {}
        for truth, name, said in (
            ("other_person", "agent", _("Give the pseudonym of the other person.")),
            ("other_time", "at", _("Give the true time.")),
        ):
            if found.get("truth") == truth and not found.get(name):
                self.add_error(name, said)
        return found

    def read_events(self, stream: str, actor: str) -> tuple[EventCorrected, Event | None]:
        """Return the correction that a valid form says, and the event of what is true, if any."""
        found, own, wrong = self.cleaned_data, live.sign_event(stream, actor), self.wrong
        at = read_clocks(found["at"], self.clocks_of) if found["truth"] == "other_time" else wrong.happened_at
        true: Event | None = replace(wrong, id=own["id"], recorded_at=own["recorded_at"], actor=actor, happened_at=at)
        if found["truth"] == "withdrawn":
            true = None
        elif isinstance(true, CaseDeclared) and found["truth"] == "other_person":
            true = replace(true, agent=found["agent"])
        elif isinstance(true, CaseDeclared) and found["truth"] == "other_result":
            true = replace(true, status="declared_case" if true.status == "contact" else "contact", case="")
        sent = live.build_correction(self.wrong, true, stream, actor, found["reason"], found["truth"])
        return sent, true


def build_row(record: RecordedEvent, now: StreamContext) -> RecordRow:
    event, made = record.event, record.correction
    site = now.operator.site.get(record.site)
    return RecordRow(
        id=event.id,
        kind=event.kind,
        site=site.name if site is not None else str(getattr(event, "carrier", "")),
        site_id=record.site,
        agent=event.person,
        status=str(getattr(event, "status", "")),
        happened_at=event.happened_at,
        recorded_at=event.recorded_at,
        actor=event.actor,
        lifts=_is_by_rule(event),
        corrected_at=None if made is None else made.happened_at,
        corrected_by="" if made is None else made.actor,
        reason="" if made is None else made.reason,
        truth="" if made is None else made.truth,
    )


def _is_by_rule(event: Event) -> bool:
    return isinstance(event, SiteClosed | ClosureExtended) and bool(event.rule)


def list_own_records(now: StreamContext, user: Any, site: str = "") -> Iterator[RecordedEvent]:
    """Yield the records that a user may correct: of cases a health officer, of others who records them."""
    for row in list_recorded_events(now.situation, now.at - _SHOWN):
        health = isinstance(row.event, CaseDeclared)
        asked = ("event.correct", "health.cases" if health else row.event.permission)
        needed = ("reopening.approve",) if _is_by_rule(row.event) else asked
        if (not site or row.site == site) and all(can(user, name, site=row.site or None) for name in needed):
            yield row


@serve("event.correct")
def list_corrections(request: HttpRequest) -> HttpResponse:
    """The records that the reader may correct, of all sites or of one."""
    now, site = moment(request), request.GET.get("site", "")
    rows = tuple(build_row(row, now) for row in list_own_records(now, request.user, site))
    name = now.operator.site[site].name if site in now.operator.site else ""
    page = CorrectionsPage(**now.head, site=site if name else "", records=rows)
    return keep_unstored(page_response(request, "desk/live/corrections.html", page, {"site_name": name}))


@serve("event.correct", FORM, recent=True)
def correct(request: HttpRequest, event: str) -> HttpResponse:
    """The correction of one record: what was recorded, what is true, what follows, then the record of it."""
    now, reader = moment(request), actor_name(request)
    known = {row.event.id: row for row in list_own_records(now, request.user)}
    found = require_found(known.get(event), _("There is no such record that you may correct."))
    if _is_by_rule(found.event):
        return redirect("record_reopening", found.site)
    if found.correction is not None and request.method == "POST":
        messages.info(request, _("This record was corrected before: nothing was done twice."))
        return redirect("correction", event)
    form = CorrectionForm(found.event, request.POST if request.method == "POST" else None)
    preview = None
    if form.is_valid():
        sent, true = form.read_events(now.stream, reader)
        checks = [build_record_check(request.user, one, now.stream) for one in (sent, true) if one is not None]

        def judge(situation: Situation) -> Iterator[EventRefusal]:
            yield from (reason for check in checks for reason in check(situation))

        if request.POST.get("confirmed") == "yes":
            further = () if true is None else (true,)
            done = form.attempt(
                lambda: live.record(sent, key=form.key_text, stream=now.stream, judge=judge, further=further)
            )
            if done is not None:
                messages.success(request, _("Recorded as entry {number}.").format(number=done.seq))
                return redirect("correction", event)
        else:
            form.refuse((*find_refusals(sent, now.situation, now.operator, live.select_rules(now.situation)), *judge(
                now.situation)))  # fmt: skip
            happened = (sent,) if true is None else (sent, true)
            preview = None if form.errors else live.preview_correction(happened, now.stream)
    page = CorrectionPage(**now.head, record=build_row(found, now), preview=preview)
    template = "desk/live/correction_confirm.html" if preview else "desk/live/correction.html"
    ground = live.find_ground(now.stream, found.site) if found.correction is not None and found.site else None
    context = {"form": form, "waits": ground is not None}
    return keep_unstored(page_response(request, template, page, context, status=form.http_status))


register = Library()
_KINDS = {
    "case.declared": lazy("Positive test or contact"),
    "site.closed": lazy("Closure of a site"),
    "closure.extended": lazy("Longer closure, or a further order"),
    "link.down": lazy("Link down"),
    "power.down": lazy("Power down"),
}
_TRUTHS = {
    "withdrawn": lazy("withdrawn entirely"),
    "other_person": lazy("another person"),
    "other_result": lazy("another result"),
    "other_time": lazy("another time"),
}
add_words(register, "record_kind", _KINDS)
add_words(register, "truth_word", _TRUTHS)

urlpatterns = [
    path("record/corrections", list_corrections, name="corrections"),
    path("record/corrections/<ref:event>", correct, name="correction"),
]
