"""Who leads: the on-call rota as a page, a table and a calendar, and the page behind an alert's link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import Field

from releve.accounts.models import User
from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import actor_name, allow_anonymous, require_user
from releve.desk.endpoint import ACT, serve
from releve.desk.forms import PlainForm, build_text_field, build_time_field, read_sent, set_choices
from releve.desk.http import download, failure, keep_unstored, page_response
from releve.desk.live.page import read_stream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_LONGEST_TABLE = 50_000


class RotaRow(PageModel):
    """Who is on call from one instant to another; ``place`` is empty where it is for every site."""

    id: int
    start: datetime
    end: datetime
    place: str
    lead: str
    deputy: str
    running: bool


class RotaPage(StreamPage):
    """The rota from now on."""

    rows: tuple[RotaRow, ...]
    gaps: tuple[str, ...] = Field(description="Mondays of the next weeks in which a site has no person on call")
    unreached: tuple[str, ...] = Field(description="People on call without an address")
    office_hours: str
    edits: bool = Field(description="Whether the reader may change it")
    linked: bool = Field(description="Whether a secret link of the reader's opens the calendar")


def rota_page(request: HttpRequest, user: AnyUser) -> RotaPage:
    """Return the page as one user sees it; the rota is by the real clock, in a drill too."""
    operator, shown, at = live.operator_now(), read_stream(request), live.real_now()
    return RotaPage(
        **shown.build_head(operator.row.time_zone),
        rows=tuple(
            RotaRow(
                id=row.pk,
                start=row.start,
                end=row.end,
                place=operator.site[row.site].name if row.site in operator.site else row.site,
                lead=row.led_by,
                deputy=row.deputised_by,
                running=row.start <= at,
            )
            for row in live.list_duties(at)
        ),
        gaps=tuple(day.isoformat() for day in live.list_gaps(operator, at)),
        unreached=tuple(live.list_without_address(at)),
        office_hours=live.read_office_hours_text(),
        edits=can(user, "rota.edit"),
        linked=live.has_calendar_link(user.get_username()),
    )


class RotaForm(PlainForm):
    """One row: who is on call, from when until when."""

    start = build_time_field(lazy("From"), "")
    end = build_time_field(lazy("Until"), lazy("By the operator’s clocks."))
    site = forms.ChoiceField(label=lazy("Site"), required=False)
    lead = forms.ChoiceField(label=lazy("On call"))
    deputy = forms.ChoiceField(label=lazy("Deputy"), required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["start"].required = self.fields["end"].required = True
        sites = [(row.id, row.name) for row in live.operator_now().sites]
        set_choices(self, "site", [("", _("Every site")), *sites])
        people = [(name, name) for name in sorted(live.list_accounts())]
        set_choices(self, "lead", people)
        set_choices(self, "deputy", [("", _("No deputy")), *people])

    def build_row(self) -> live.OnCallRow:
        start, end = (self.cleaned_data[name].replace(tzinfo=None) for name in ("start", "end"))
        return live.OnCallRow(start, end, *(self.cleaned_data[name] for name in ("site", "lead", "deputy")))


class RotaTableForm(PlainForm):
    """The rota as a table, pasted from a spreadsheet or a file."""

    table = build_text_field(
        lazy("Table"),
        longest=_LONGEST_TABLE,
        rows=8,
        required=True,
        help_text=lazy(
            "Its first line names the columns: lead, deputy, site (empty: every site), and week (2026-W49) or from and"
            " until (2026-12-01 21:00). It replaces what is ahead in the rota."
        ),
    )


@serve("rota.see")
def index(request: HttpRequest) -> HttpResponse:
    """The rota, with its forms to those who may change it."""
    return _show(request)


def _show(
    request: HttpRequest, row: RotaForm | None = None, table: RotaTableForm | None = None, link: str = ""
) -> HttpResponse:
    page = rota_page(request, request.user)
    sent = row or table
    context: dict[str, Any] = {"link": link, "may_link": request.user.pk is not None}
    context |= {"row": row or RotaForm(), "table": table or RotaTableForm()} if page.edits else {}
    status = 422 if sent is not None and sent.errors else 200
    response = page_response(request, "desk/live/rota.html", page, context, status=status)
    return keep_unstored(response) if link else response


@serve("rota.edit", ACT)
def add(request: HttpRequest) -> HttpResponse:
    """Add a row."""
    form = RotaForm(read_sent(request))
    if form.is_valid():
        try:
            live.add_duty(form.build_row(), by=actor_name(request))
        except live.ContactFaults as refused:
            form.add_error(None, list(refused.faults))
        else:
            messages.success(request, _("The rota has a further row."))
            return redirect("rota")
    return _show(request, row=form)


@serve("rota.edit", ACT)
def put(request: HttpRequest) -> HttpResponse:
    """Replace what is ahead by a pasted table."""
    form = RotaTableForm(read_sent(request))
    if form.is_valid():
        try:
            count = live.import_rota(form.cleaned_data["table"], by=actor_name(request))
        except live.ContactFaults as refused:
            form.add_error(None, list(refused.faults))
        else:
            said = ngettext("The rota has {count} row.", "The rota has {count} rows.", count)
            messages.success(request, said.format(count=count))
            return redirect("rota")
    return _show(request, table=form)


@serve("rota.edit", ACT)
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Remove a row."""
    live.remove_duty(number, by=actor_name(request))
    messages.success(request, _("The row is removed."))
    return redirect("rota")


@serve("rota.see")
def calendar(request: HttpRequest) -> HttpResponse:
    """The rota from now on as iCalendar."""
    return _download_calendar()


def _download_calendar() -> HttpResponse:
    rows = live.list_duties(live.real_now() - timedelta(days=7))
    data = live.build_calendar(rows, live.operator_now())
    return download(data, "on-call.ics", "text/calendar; charset=utf-8")


@serve("rota.see", ACT)
def make_link(request: HttpRequest) -> HttpResponse:
    """Show once a new secret link, by which the reader's calendar subscribes; it takes the place of the one before."""
    secret = live.make_calendar_link(require_user(request).get_username())
    return _show(request, link=f"{settings.DESK_URL}{reverse('rota_subscribe', args=[secret])}")


@serve("rota.see", ACT)
def end_link(request: HttpRequest) -> HttpResponse:
    """End the reader's secret link."""
    live.end_calendar_link(require_user(request).get_username())
    messages.success(request, _("The link opens nothing any more."))
    return redirect("rota")


@allow_anonymous
@require_safe
def subscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The rota as iCalendar behind a secret link, while the account whose link it is may see the rota."""
    user = User.objects.filter(username=live.find_link_account(token), is_active=True).first()
    if user is None or not can(user, "rota.see"):
        return failure(request, 404, _("There is no calendar behind this link."))
    return keep_unstored(_download_calendar())


@serve("incident.work", ACT)
def take(request: HttpRequest, alert: str) -> HttpResponse:
    """Take an alert from the page *Now*."""
    reach = scope_for(request.user, "incident.work")
    try:
        live.take_alert_by_account(
            read_stream(request).name,
            alert,
            actor_name(request),
            lambda site: reach.sites is None if site is None else reach.has_site(site),
        )
    except live.NoSuch:
        return failure(request, 404, _("There is no such alert of the sites that you work for."))
    messages.success(request, _("You lead. The messages that waited go out."))
    return redirect("now")


@allow_anonymous
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def lead(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an alert's link: what is lost, and a button to take it.

    Open to anyone who holds the link, as that of a message is; looking at it alone takes nothing.
    """
    language = "fr" if get_language() == "fr" else "en"
    try:
        letter = live.find_alert(token, language)
        if request.method == "POST":
            live.take_alert(letter.alert, letter.who)
            letter = live.find_alert(token, language)
    except live.NoSuch:
        return failure(request, 404, _("There is no alert behind this link."))
    context = {"letter": letter, "time_zone": live.operator_now().row.time_zone}
    return keep_unstored(render(request, "desk/live/lead.html", context))


urlpatterns = [
    path("lead/<slug:token>", lead, name="lead"),
    path("lead/<uuid:alert>/take", take, name="lead_take"),
    path("rota", index, name="rota"),
    path("rota/add", add, name="rota_add"),
    path("rota/table", put, name="rota_table"),
    path("rota/<int:number>/remove", remove, name="rota_remove"),
    path("rota/calendar", calendar, name="rota_calendar"),
    path("rota/calendar/<slug:token>", subscribe, name="rota_subscribe"),
    path("rota/link", make_link, name="rota_link"),
    path("rota/link/end", end_link, name="rota_link_end"),
]
