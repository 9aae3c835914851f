"""The page of webhooks: the subscriptions of programs to events, where each stands, and what was refused."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.accounts import subscriptions
from releve.accounts.directory import list_programs
from releve.accounts.models import Subscription, Token
from releve.accounts.subscriptions import SubscriptionLine
from releve.accounts.tokens import NAME
from releve.desk.access.guard import act_and_lead, actor_name
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import PlainForm, act_on, build_id_field, build_text_field, read_sent, set_choices
from releve.desk.http import keep_unstored, page_response
from releve.desk.page import PageModel
from releve.ledger.disclosure import KIND_LABELS


class WebhooksPage(PageModel):
    """Every subscription; ``made`` and ``secret`` name one that was just made or renewed, shown this once."""

    made: str
    secret: str
    rows: tuple[SubscriptionLine, ...]


class WebhookForm(PlainForm):
    """A subscription of a program: to which address, of which kinds."""

    name = build_id_field(lazy("Name of the webhook"), longest=100, help_text=lazy("Letters, digits, dots and dashes."))
    token = forms.ChoiceField(label=lazy("Token"), help_text=lazy("What its role may see is sent, until its last day."))
    url = build_text_field(lazy("Address"), required=True, help_text=lazy("https://, a public host, no user."))
    kinds = build_text_field(
        lazy("Kinds of entries, separated by commas"),
        help_text=lazy("For example: power.down, site.closed. Empty: every kind."),
    )
    every_stream = forms.BooleanField(required=False, label=lazy("Drills and accounts, too"))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        rows = Token.objects.filter(pk__in=[row.held.number for row in list_programs()])
        set_choices(self, "token", [(str(row.pk), row.name) for row in rows if subscriptions.can_follow(row)])

    def clean_name(self) -> str:
        """Refuse a name that is none, or that another webhook has."""
        name = str(self.cleaned_data["name"])
        if not NAME.fullmatch(name):
            raise ValidationError(_("Use letters, digits, dots and dashes only, no space."))
        if Subscription.objects.filter(name=name).exists():
            raise ValidationError(_("A webhook has this name: take another."))
        return name

    def clean_url(self) -> str:
        """Refuse an address that nothing is sent to."""
        from releve.routing.webhook import parse_address  # brings an HTTP client

        url = str(self.cleaned_data["url"])
        if parse_address(url, private=settings.EVENTS_PRIVATE) is None:
            raise ValidationError(_("An address begins with https:// and names a host, and no user."))
        return url

    def clean_kinds(self) -> list[str]:
        """Return the kinds; refuse one that there is not."""
        found = [kind.strip() for kind in self.cleaned_data["kinds"].split(",") if kind.strip()]
        for kind in found:
            if kind not in KIND_LABELS:
                raise ValidationError(_("There is no kind “{kind}”.").format(kind=kind))
        return found


@serve("users.manage", FORM, recent=True)
def index(request: HttpRequest) -> HttpResponse:
    """List the webhooks; make one, whose secret is shown in this one answer."""
    form = WebhookForm(read_sent(request))
    made: list[tuple[Subscription, str]] = []

    def make() -> None:
        sent = form.cleaned_data
        token = Token.objects.get(pk=sent["token"])
        chosen = {"kinds": sent["kinds"], "every_stream": sent["every_stream"], "by": actor_name(request)}
        made.append(subscriptions.make_subscription(sent["name"], token, sent["url"], **chosen))

    if not form.is_bound or not act_on(form, make):
        return _show(request, form=form)
    ((row, secret),) = made
    return _show(request, row.name, secret)


@serve("users.manage", ACT, recent=True)
def renew(request: HttpRequest, number: int) -> HttpResponse:
    """Show a new secret; the one before signs too for a day."""
    row = get_object_or_404(Subscription, pk=number)
    return _show(request, row.name, subscriptions.renew_secret(row, by=actor_name(request)))


@serve("users.manage", ACT, recent=True)
def end(request: HttpRequest, number: int) -> HttpResponse:
    """End a webhook."""
    row, by = get_object_or_404(Subscription, pk=number), actor_name(request)
    return act_and_lead(
        request, lambda: subscriptions.end_subscription(row, by=by), _("The webhook is ended."), "webhooks"
    )


@serve("users.manage", ACT)
def resume(request: HttpRequest, number: int) -> HttpResponse:
    """Try at once, where it failed or was paused."""
    row, said = get_object_or_404(Subscription, pk=number), _("It is tried now.")
    return act_and_lead(request, lambda: subscriptions.resume_subscription(row), said, "webhooks")


@serve("users.manage", ACT)
def settle(request: HttpRequest, number: int) -> HttpResponse:
    """Send what was refused once more, or drop it."""
    row = get_object_or_404(Subscription, pk=number)

    def act() -> None:
        if "drop" in request.POST:
            count = subscriptions.drop_dead_letters(row)
            said = ngettext("{count} entry was dropped.", "{count} entries were dropped.", count)
        else:
            count = subscriptions.ask_again(row)
            said = ngettext("{count} entry is sent again.", "{count} entries are sent again.", count)
        messages.success(request, said.format(count=count))

    return act_and_lead(request, act, "", "webhooks")


def _show(request: HttpRequest, made: str = "", secret: str = "", form: WebhookForm | None = None) -> HttpResponse:
    page = WebhooksPage(made=made, secret=secret, rows=subscriptions.list_subscriptions())
    context = {"form": form or WebhookForm()}
    status = 422 if form is not None and form.errors else 200
    return keep_unstored(page_response(request, "desk/people/webhooks.html", page, context, status=status))


urlpatterns = [
    path("", index, name="webhooks"),
    path("<int:number>/secret", renew, name="webhook_renew"),
    path("<int:number>/end", end, name="webhook_end"),
    path("<int:number>/resume", resume, name="webhook_resume"),
    path("<int:number>/refused", settle, name="webhook_settle"),
]
