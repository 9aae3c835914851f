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
from django.views.decorators.http import require_http_methods, require_POST

from releve.accounts import grants as service
from releve.accounts import tokens
from releve.accounts.models import Grant, Token, User
from releve.desk.access.actor import actor_name
from releve.desk.access.forms import GrantForm, TokenForm
from releve.desk.access.guard import require_permission, require_recent_auth
from releve.desk.access.password_link import create_password_link
from releve.desk.access.places import list_places
from releve.desk.text import translate_error

__all__ = [
    "close_person",
    "end_role",
    "issue_token",
    "list_people",
    "revoke_token",
    "show_password_link",
]


@require_permission("users.manage")
@require_recent_auth
@require_http_methods(["GET", "HEAD", "POST"])
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
        return _shown(request, made=made, link=create_password_link(made, by=actor_name(request)))
    messages.success(request, _("The role is given."))
    return redirect("people")


@require_permission("users.manage")
@require_recent_auth
@require_POST
def end_role(request: HttpRequest, number: int) -> HttpResponse:
    """End a role now."""
    grant = get_object_or_404(Grant.objects.select_related("user"), pk=number)
    return _done(
        request, lambda: service.end_grant(grant, by=actor_name(request)), _("The role is ended.")
    )


@require_permission("users.manage")
@require_recent_auth
@require_POST
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


@require_permission("users.manage")
@require_recent_auth
@require_POST
def show_password_link(request: HttpRequest, number: int) -> HttpResponse:
    """Show a link for choosing a new password, to be handed over in person."""
    user = get_object_or_404(User, pk=number, is_active=True)
    return _shown(request, made=user, link=create_password_link(user, by=actor_name(request)))


@require_permission("users.manage")
@require_recent_auth
@require_POST
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
    response = _shown(request, token=found, secret=secret)
    response["Cache-Control"] = "no-store"
    return response


@require_permission("users.manage")
@require_recent_auth
@require_POST
def revoke_token(request: HttpRequest, number: int) -> HttpResponse:
    """End the token of a program now."""
    found = get_object_or_404(Token, pk=number)
    return _done(
        request,
        lambda: tokens.revoke_token(found, by=actor_name(request)),
        _("The token is ended."),
    )


def _visits(request: HttpRequest, form: Form) -> bool:
    """Return whether an open desk's visitor asks, who gives nothing; the form then says so."""
    visits = cast(User, request.user).visitor_role is not None
    if visits:
        form.add_error(None, _("An open desk gives no accounts: stop it and serve without --open."))
    return visits


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
        "form": GrantForm(list_places()),
        "token_form": TokenForm(list_places()),
        **more,
    }
    return render(request, "desk/people/people.html", context, status=status)


def _done(request: HttpRequest, act: Callable[[], None], message: str) -> HttpResponse:
    try:
        act()
    except service.AccessError as error:
        messages.error(request, translate_error(error))
    else:
        messages.success(request, message)
    return redirect("people")
