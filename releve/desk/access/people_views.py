"""Pages of the administrator: who has which access; roles, accounts, tokens, second factors."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from releve.accounts import confirmations, factor_resets, grants, tokens
from releve.accounts.directory import list_accounts, list_programs
from releve.accounts.models import FactorReset, Grant, Token, User
from releve.desk.access.actor import act_and_lead, actor_name, require_user
from releve.desk.access.forms import FactorResetForm, GrantForm, TokenForm
from releve.desk.access.page import NewSecret, PeoplePage, SystemState
from releve.desk.access.password_link import hand_over_link
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import act_on, read_sent
from releve.desk.http import keep_unstored, page_response
from releve.live import api as live


@serve("users.manage", FORM, recent=True)
def list_people(request: HttpRequest) -> HttpResponse:
    """List the accounts with their roles; give a role, and an account where there is none."""
    form = GrantForm(live.list_named_places(), read_sent(request))
    made: list[tuple[User, bool]] = []

    def give() -> None:
        _refuse_visitor(request)
        asked, by = form.cleaned_data, actor_name(request)
        made.append(grants.give_role(asked["name"], form.wanted(), by=by, email=asked["email"]))

    if not form.is_bound or not act_on(form, give):
        return _show(request, form=form)
    ((user, is_new),) = made
    if is_new:
        return _show_with_link(request, user)
    messages.success(request, _("The role is given."))
    return redirect("people")


@serve("users.manage", ACT, recent=True)
def end_role(request: HttpRequest, number: int) -> HttpResponse:
    """End a role now."""
    grant = get_object_or_404(Grant.objects.select_related("user"), pk=number)
    by, said = actor_name(request), _("The role is ended.")
    return act_and_lead(request, lambda: grants.end_grant(grant, by=by), said)


@serve("users.manage", ACT, recent=True)
def close_person(request: HttpRequest, number: int) -> HttpResponse:
    """Close an account; one's own is refused, so that an administrator remains."""
    name = _find_other(request, pk=number).get_username()
    by, said = actor_name(request), _("The account is closed.")
    return act_and_lead(request, lambda: grants.close_account(name, by=by), said)


@serve("users.manage", ACT, recent=True)
def show_password_link(request: HttpRequest, number: int) -> HttpResponse:
    """Mail a link for choosing a new password, or show it, to be handed over in person."""
    user = get_object_or_404(User, pk=number, is_active=True)
    return _show_with_link(request, user, show="show" in request.POST)


@serve("users.manage", ACT, recent=True)
def issue_token(request: HttpRequest) -> HttpResponse:
    """Give a program a token; its secret is shown in this one answer and kept nowhere."""
    form = TokenForm(live.list_named_places(), request.POST)
    made: list[tuple[Token, str]] = []

    def issue() -> None:
        _refuse_visitor(request)
        name, by = form.cleaned_data["name"], actor_name(request)
        made.append(tokens.issue_token(name, form.wanted(), by=by))

    if not act_on(form, issue):
        return _show(request, token_form=form)
    ((token, secret),) = made
    return _show(request, NewSecret(name=token.name, token=secret))


@serve("users.manage", ACT, recent=True)
def revoke_token(request: HttpRequest, number: int) -> HttpResponse:
    """End the token of a program now."""
    found, by = get_object_or_404(Token, pk=number), actor_name(request)
    said = _("The token is ended.")
    return act_and_lead(request, lambda: grants.revoke_token(found, by=by), said)


@serve("users.manage", FORM, recent=True)
def ask_reset(request: HttpRequest, number: int) -> HttpResponse:
    """Ask that the second factor of a person be removed, with how the person was recognised."""
    user, by = _find_other(request, pk=number, is_active=True), actor_name(request)
    form = FactorResetForm(read_sent(request))

    def ask() -> None:
        factor_resets.request_reset(user, form.cleaned_data["reason"], by=by)

    if form.is_bound and act_on(form, ask):
        messages.success(request, _("Asked: another administrator has to allow it."))
        return redirect("people")
    context = {"person": user, "form": form}
    status = 422 if form.errors else 200
    return render(request, "desk/people/factors.html", context, status=status)


@serve("users.manage", ACT, recent=True)
def allow_reset(request: HttpRequest, number: int) -> HttpResponse:
    """Allow the removal of a second factor, which another administrator has asked for."""
    reset, by = get_object_or_404(FactorReset, pk=number), actor_name(request)
    said = _("The second factor is removed.")
    return act_and_lead(request, lambda: factor_resets.approve_reset(reset, by=by), said)


@serve("users.manage", ACT, recent=True)
def confirm_person(request: HttpRequest, number: int) -> HttpResponse:
    """Confirm that an account is its owner's alone, who has no other."""
    user, by = _find_other(request, pk=number), actor_name(request)
    said = _("Confirmed. Whether it counts as a person of its own now stands below.")
    return act_and_lead(request, lambda: confirmations.confirm_account(user, by=by), said)


def _find_other(request: HttpRequest, **wanted: Any) -> User:
    """Return another account than the reader's own; Http404 for that one."""
    user = get_object_or_404(User, **wanted)
    if user.pk == request.user.pk:
        raise Http404
    return user


def _refuse_visitor(request: HttpRequest) -> None:
    """Refuse what an open desk's visitor gives."""
    if require_user(request).visitor_role is not None:
        raise grants.AccessError(
            _("An open desk gives no accounts: stop it and serve without --open.")
        )


def _show_with_link(request: HttpRequest, user: User, *, show: bool = False) -> HttpResponse:
    name, by = user.get_username(), actor_name(request)
    link = hand_over_link(user, by=by, request=request, show=show)
    return _show(request, NewSecret(name=name, link=link, mailed="" if link else user.email))


def _show(
    request: HttpRequest, made: NewSecret | None = None, **refused: forms.Form
) -> HttpResponse:
    """Return the page, with what was just made, or with a form that was ``refused``."""
    page = PeoplePage(
        made=made,
        people=list_accounts(),
        programs=list_programs(),
        resets=factor_resets.list_resets_for(actor_name(request)),
        confirmations=confirmations.list_confirmations(actor_name(request)),
        systems=tuple(map(SystemState.from_row, live.list_routing_states())),
        unreached=_count_unreached(),
    )
    context = {
        "form": GrantForm(live.list_named_places()),
        "token_form": TokenForm(live.list_named_places()),
        "mails_links": bool(settings.EMAIL_HOST),
        **refused,
    }
    status = 422 if any(form.errors for form in refused.values()) else 200
    template = "desk/people/people.html"
    return keep_unstored(page_response(request, template, page, context, status=status))


def _count_unreached() -> dict[str, int]:
    """Return who no message reaches for want of an address, in numbers; empty without operator."""
    try:
        found = live.count_missing_addresses(live.operator_now())
    except live.NoOperator:
        return {}
    return {role: count for role, count in found.items() if count}
