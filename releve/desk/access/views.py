"""Pages about oneself: where to start, the own account, the role to look through when open."""

from __future__ import annotations

from typing import cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from releve.accounts.models import User
from releve.accounts.notices import (
    describe_act,
    list_account_notices,
    mark_account_notices_read,
)
from releve.desk.access.forms import RoleChoiceForm
from releve.desk.access.guard import allow_anonymous
from releve.desk.access.open_mode import COOKIE, changes_nothing, format_choice
from releve.desk.access.second_factor import lacks_second_factor
from releve.desk.navigation import find_home
from releve.live import api as live


@allow_anonymous
@require_safe
def redirect_to_start(request: HttpRequest) -> HttpResponse:
    """Lead to the page that the reader's role starts with."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    user = request.user
    if isinstance(user, User) and (changed := list_account_notices(user)):
        said = _("Accounts that may approve have changed: see My account. {act}")
        messages.info(request, said.format(act=describe_act(changed[0])))
    return redirect(find_home(user))


@changes_nothing
@allow_anonymous
@require_http_methods(["GET", "HEAD", "POST"])
def choose_role(request: HttpRequest) -> HttpResponse:
    """On an open desk, choose the role to look through; the choice is kept in a cookie."""
    if not settings.OPEN_DESK:
        raise Http404
    form = RoleChoiceForm(live.list_named_places(), request.POST or None)
    if not form.is_valid():
        return render(request, "desk/look.html", {"form": form})
    answer = redirect("start")
    answer.set_cookie(
        COOKIE,
        format_choice(form.role_chosen, form.place),
        httponly=True,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )
    return answer


@allow_anonymous
@require_safe
@login_required
def show_account(request: HttpRequest) -> HttpResponse:
    """The own account: roles held, password, second factor, sessions."""
    user = cast(User, request.user)
    if user.visitor_role:
        return redirect("look")
    context = {
        "grants": user.grants.all(),
        "factors": Authenticator.objects.filter(user=user).exclude(
            type=Authenticator.Type.RECOVERY_CODES
        ),
        "lacks_factor": lacks_second_factor(request),
        "sessions": UserSession.objects.filter(user=user).count(),
        "notices": [(describe_act(act), act.at) for act in list_account_notices(user)],
        "addresses": EmailAddress.objects.filter(user=user),
    }
    return render(request, "desk/account.html", context)


@allow_anonymous
@require_POST
@login_required
def mark_notices_read(request: HttpRequest) -> HttpResponse:
    """Mark the own notices of changes to accounts that may approve as read."""
    mark_account_notices_read(cast(User, request.user))
    return redirect("account")
