"""Pages of the administrator: who has which access; give a role, end one, close an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts import factor_resets, tokens
from releve.accounts import grants as service
from releve.accounts.models import Grant, Token, User
from releve.desk.access.actor import actor_name
from releve.desk.access.factor_views import translate_obstacle
from releve.desk.access.forms import GrantForm, TokenForm
from releve.desk.access.password_link import create_password_link
from releve.desk.access.places import list_places
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.http import keep_unstored
from releve.desk.text import translate_error
from releve.live import api as live


@serve("users.manage", FORM, recent=True)
def list_people(request: HttpRequest) -> HttpResponse:
    """List the accounts with their roles; give a role, and an account where there is none."""
    form = GrantForm(list_places(), request.POST or None)
    if not form.is_valid():
        return _shown(request, 422 if form.is_bound else 200, form=form)
    if _visits(request, form):
        return _shown(request, 422, form=form)
    try:
        made, is_new = service.give_role(
            form.cleaned_data["name"],
            form.wanted(),
            by=actor_name(request),
            email=form.cleaned_data["email"],
        )
    except service.AccessError as error:
        form.add_error(None, translate_error(error))
        return _shown(request, 422, form=form)
    if is_new:
        return _shown_with_link(request, made)
    messages.success(request, _("The role is given."))
    return redirect("people")


@serve("users.manage", ACT, recent=True)
def end_role(request: HttpRequest, number: int) -> HttpResponse:
    """End a role now."""
    grant = get_object_or_404(Grant.objects.select_related("user"), pk=number)
    return _done(
        request, lambda: service.end_grant(grant, by=actor_name(request)), _("The role is ended.")
    )


@serve("users.manage", ACT, recent=True)
def close_person(request: HttpRequest, number: int) -> HttpResponse:
    """Close an account; one's own is refused, so that an administrator remains."""
    user = get_object_or_404(User, pk=number)
    if user.pk == request.user.pk:
        raise Http404
    name = user.get_username()
    return _done(
        request,
        lambda: service.close_account(name, by=actor_name(request)),
        _("The account is closed."),
    )


@serve("users.manage", ACT, recent=True)
def show_password_link(request: HttpRequest, number: int) -> HttpResponse:
    """Show a link for choosing a new password, to be handed over in person."""
    user = get_object_or_404(User, pk=number, is_active=True)
    return _shown_with_link(request, user)


@serve("users.manage", ACT, recent=True)
def issue_token(request: HttpRequest) -> HttpResponse:
    """Give a program a token; its secret is shown in this one answer and kept nowhere."""
    form = TokenForm(list_places(), request.POST)
    if not form.is_valid() or _visits(request, form):
        return _shown(request, 422, token_form=form)
    try:
        found, secret = tokens.issue_token(
            form.cleaned_data["name"], form.wanted(), by=actor_name(request)
        )
    except service.AccessError as error:
        form.add_error(None, translate_error(error))
        return _shown(request, 422, token_form=form)
    return _shown(request, token=found, secret=secret)


@serve("users.manage", ACT, recent=True)
def revoke_token(request: HttpRequest, number: int) -> HttpResponse:
    """End the token of a program now."""
    found = get_object_or_404(Token, pk=number)
    return _done(
        request,
        lambda: service.revoke_token(found, by=actor_name(request)),
        _("The token is ended."),
    )


def _visits(request: HttpRequest, form: Form) -> bool:
    """Return whether an open desk's visitor asks, who gives nothing; the form then says so."""
    visits = cast(User, request.user).visitor_role is not None
    if visits:
        form.add_error(None, _("An open desk gives no accounts: stop it and serve without --open."))
    return visits


def _shown_with_link(request: HttpRequest, user: User) -> HttpResponse:
    link = create_password_link(user, by=actor_name(request), request=request)
    return _shown(request, made=user, link=link)


def _shown(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    """Return the page: the open accounts with the roles held now, the tokens that open something.

    ``more`` says what is shown once, and holds a form that was not accepted.
    """
    now = timezone.now()
    found = User.objects.filter(is_active=True).prefetch_related("grants").order_by("username")
    context = {
        "people": [
            (user, [row for row in user.grants.all() if row.is_active_at(now)]) for user in found
        ],
        "tokens": tokens.list_active_tokens(),
        "resets": [
            (reset, translate_obstacle(reset, actor_name(request)))
            for reset in factor_resets.list_open_resets()
        ],
        "form": GrantForm(list_places()),
        "token_form": TokenForm(list_places()),
        "systems": live.list_routing_states(),
        "unreached": _count_unreached(),
        **more,
    }
    return keep_unstored(render(request, "desk/people/people.html", context, status=status))


def _count_unreached() -> list[tuple[str, int]]:
    """Return who no message reaches for want of an address, in numbers; empty without operator."""
    try:
        found = live.count_missing_addresses(live.operator_now())
    except live.NoOperator:
        return []
    labels = {"agent": _("Agents"), "manager": _("Sites"), "client": _("Clients")}
    return [(labels[role], count) for role, count in found.items() if count]


def _done(request: HttpRequest, act: Callable[[], None], message: str) -> HttpResponse:
    try:
        act()
    except service.AccessError as error:
        messages.error(request, translate_error(error))
    else:
        messages.success(request, message)
    return redirect("people")
