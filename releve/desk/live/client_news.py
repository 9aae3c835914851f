"""Messages to clients: the drafts that wait, what was sent, and how those of each client go out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.forms import PlainForm, build_text_field
from releve.desk.http import failure, page_response
from releve.desk.live.page import read_stream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_LONGEST_TIMER = 240
MODES = {"at_once": lazy("at once"), "approval": lazy("after approval"), "timer": lazy("on a timer, unless held")}


class LetterRow(PageModel):
    """A message to a client; ``text`` as it would be sent now, or as it was."""

    message: str
    client: str
    name: str
    held: str = Field(description="draft, stopped by a person, or empty: it was sent")
    subject: str
    text: str
    sentence: str
    release_at: datetime | None = Field(description="When it goes, or went; null: after approval")
    released_by: str
    read_at: datetime | None


class SettingRow(PageModel):
    """How messages to a client go out."""

    client: str
    name: str
    mode: str
    minutes: int


class ClientNewsPage(StreamPage):
    """The drafts that wait, what was sent, the newest first, and the settings."""

    waiting: tuple[LetterRow, ...]
    sent: tuple[LetterRow, ...]
    settings: tuple[SettingRow, ...]
    approves: bool = Field(description="Whether the reader may approve, hold and change them")


def client_news_page(request: HttpRequest, user: AnyUser) -> ClientNewsPage:
    """Return the page as one user sees it."""
    operator, shown = live.operator_now(), read_stream(request)
    names = {row.id: row.name for row in operator.clients}
    found = live.list_client_letters(shown.name, "fr" if get_language() == "fr" else "en")
    waiting, sent = (
        tuple(LetterRow.from_row(row, name=names.get(row.client, row.client)) for row in rows) for rows in found
    )
    return ClientNewsPage(
        **shown.build_head(operator.row.time_zone),
        waiting=waiting,
        sent=sent,
        settings=tuple(
            SettingRow.from_row(row, name=names[client]) for client, row in live.load_settings(names).items()
        ),
        approves=can(user, "client_news.approve"),
    )


class DraftForm(PlainForm):
    """What is done with a draft, and its free sentence."""

    act = forms.ChoiceField(choices=[("save", ""), ("approve", ""), ("stop", "")])
    sentence = build_text_field("")


class SettingForm(PlainForm):
    """How messages to a client go out."""

    mode = forms.ChoiceField(choices=list(MODES.items()))
    minutes = forms.IntegerField(min_value=1, max_value=_LONGEST_TIMER)


@serve("client_news.see")
def index(request: HttpRequest) -> HttpResponse:
    """The drafts, what was sent, the settings."""
    page = client_news_page(request, request.user)
    return page_response(request, "desk/live/client_news.html", page, {"modes": MODES})


@serve("client_news.approve", ACT)
def draft(request: HttpRequest, message: str) -> HttpResponse:
    """Change, approve or hold a draft."""
    form = DraftForm(request.POST)
    if not form.is_valid():
        return failure(request, 422, _("Nothing was changed."))
    acts = {"save": live.edit_draft, "approve": live.approve_draft, "stop": live.stop_draft}
    said = {"save": _("The sentence is kept."), "approve": _("It goes out."), "stop": _("It is held.")}
    act, stream = form.cleaned_data["act"], read_stream(request).name
    try:
        acts[act](stream, str(message), form.cleaned_data["sentence"], by=actor_name(request))
    except live.NoSuch:
        return failure(request, 409, _("This draft was sent, or a newer one took its place: look at the page again."))
    messages.success(request, said[act])
    return redirect("client_news")


@serve("client_news.approve", ACT)
def setting(request: HttpRequest, client: str) -> HttpResponse:
    """Set how messages to a client go out."""
    if client not in live.operator_now().client:
        raise Http404(_("There is no such client."))
    form = SettingForm(request.POST)
    if not form.is_valid():
        return failure(request, 422, _("A timer is of 1 to {most} minutes.").format(most=_LONGEST_TIMER))
    live.store_setting(client, form.cleaned_data["mode"], form.cleaned_data["minutes"], by=actor_name(request))
    messages.success(request, _("It holds from the next draft on."))
    return redirect("client_news")


urlpatterns = [
    path("client-news/", index, name="client_news"),
    path("client-news/<uuid:message>", draft, name="client_news_draft"),
    path("client-news/settings/<ref:client>", setting, name="client_news_setting"),
]
