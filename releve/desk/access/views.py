"""Pages of accounts: one's own, those the administrator manages, pseudonyms and erasures.

A name behind a pseudonym is shown once, in answer to the form that asks for it: it is in no
address, no other page, no JSON and no cache. Of django-allauth's addresses, those of signing up and
of managing one's e-mail addresses are left out: the administrator gives them.
"""

from __future__ import annotations

import logging
from typing import Any, cast

from allauth.account import views as account
from allauth.account.models import EmailAddress
from allauth.account.views import PasswordResetView
from allauth.mfa.models import Authenticator
from allauth.socialaccount import views as social
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.views import ConnectionsView
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.mail import send_mail
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import include, path, re_path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.generic import RedirectView
from pydantic import Field

from releve.accounts import confirmations, grants, reidentification, tokens
from releve.accounts.confirmations import ConfirmationLine
from releve.accounts.directory import (
    AccountLine,
    ContactAccess,
    IdentityLook,
    ProgramLine,
    list_accounts,
    list_contact_accesses,
    list_looks,
    list_programs,
)
from releve.accounts.directory_accounts import hand_over
from releve.accounts.grants import AccessError, ResetLine, create_password_key, record_mailed_link, show_password_key
from releve.accounts.models import FactorReset, Grant, IdentityRequest, Token, User
from releve.accounts.notices import (
    LookNotice,
    describe_act,
    list_account_notices,
    list_unread,
    mark_account_notices_read,
    mark_read,
)
from releve.accounts.permissions import PROVISIONS
from releve.accounts.person_erasure import ErasurePreview, erase_person, preview_erasure
from releve.accounts.scopes import can
from releve.desk.access.forms import (
    EraseForm,
    FactorResetForm,
    GrantForm,
    IdentityForm,
    RoleChoiceForm,
    TokenForm,
    lacks_second_factor,
)
from releve.desk.access.guard import (
    COOKIE,
    act_and_lead,
    actor_name,
    allow_anonymous,
    changes_nothing,
    format_choice,
    require_user,
)
from releve.desk.endpoint import ACT, FORM, serve
from releve.desk.forms import act_on, read_sent
from releve.desk.http import keep_unstored, page_response
from releve.desk.navigation import find_home
from releve.desk.page import PageModel
from releve.desk.text import translate_error
from releve.live import api as live
from releve.registry.service import current_time_zone


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
        "factors": Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES),
        "lacks_factor": lacks_second_factor(request),
        "sessions": UserSession.objects.filter(user=user).count(),
        "notices": [(describe_act(act), act.at) for act in list_account_notices(user)],
        "connected": SocialAccount.objects.filter(user=user).count(),
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


class SystemState(PageModel):
    """A system of telephony, and whether it holds the newest routes."""

    adapter: str
    state: str


class NewSecret(PageModel):
    """What was just made for an account or a program: a link to choose a password, or a token.

    ``mailed``: the link went to the address of the account, and is not shown.
    """

    name: str
    link: str = ""
    mailed: str = ""
    token: str = ""


class PeoplePage(PageModel):
    """The open accounts and the programs with the roles they hold now, and what needs a hand."""

    made: NewSecret | None = Field(description="Shown in the one answer to the form that made it")
    people: tuple[AccountLine, ...]
    programs: tuple[ProgramLine, ...]
    resets: tuple[ResetLine, ...] = Field(description="Second factors to remove")
    confirmations: tuple[ConfirmationLine, ...] = Field(
        description="Accounts that may approve and count as one person with others"
    )
    systems: tuple[SystemState, ...]
    unreached: dict[str, int] = Field(description="Contacts without an address, by their role")


class IdentityPage(PageModel):
    """Every look, the newest first, the unread notices of the reader, and looks at contacts.

    A name is never in it.
    """

    time_zone: str
    names: bool = Field(description="This installation holds names")
    notices: tuple[LookNotice, ...]
    looks: tuple[IdentityLook, ...]
    contacts: tuple[ContactAccess, ...]


class ErasePage(PageModel):
    """What an erasure would take and leave, by kind, once a pseudonym is given."""

    preview: ErasurePreview | None = None


_MOST = 100


@serve("health.looks")
def identity(request: HttpRequest) -> HttpResponse:
    """The looks behind pseudonyms: asked, allowed, seen."""
    return _show_looks(request, IdentityForm())


@serve("health.reidentify", ACT, recent=True)
def request_identity(request: HttpRequest) -> HttpResponse:
    """Ask to see who stands behind a pseudonym, with a reason."""
    form, user = IdentityForm(request.POST), require_user(request)
    if not act_on(form, lambda: reidentification.request_identity(user, **form.cleaned_data)):
        return _show_looks(request, form)
    messages.success(request, _("It is asked. An administrator has a day to allow it."))
    return redirect("identity")


@serve("health.approve", ACT, recent=True)
def approve_request(request: HttpRequest, number: int) -> HttpResponse:
    """Approve the request of another person, for an hour."""
    user, look = require_user(request), get_object_or_404(IdentityRequest, pk=number)
    said = _("It is allowed for an hour, to the person who asked.")
    return act_and_lead(request, lambda: reidentification.approve_request(user, look), said, "identity")


@serve("health.reidentify", ACT, recent=True)
def reveal_name(request: HttpRequest, number: int) -> HttpResponse:
    """Show the name; that it is looked at is recorded first."""
    look = get_object_or_404(IdentityRequest, pk=number)
    try:
        name = reidentification.reveal_name(require_user(request), look)
    except AccessError as error:
        messages.error(request, translate_error(error))
        return redirect("identity")
    return keep_unstored(_show_looks(request, IdentityForm(), {"who": look.pseudonym, "name": name}))


@serve("health.looks", ACT)
def mark_identity_read(request: HttpRequest) -> HttpResponse:
    """Mark the own notices of looks as read."""
    mark_read(require_user(request))
    return redirect("identity")


@serve("users.manage", FORM, recent=True)
def erase(request: HttpRequest) -> HttpResponse:
    """Erase a person: what goes and what stays is shown first, then it is done."""
    form, page, user = EraseForm(read_sent(request)), ErasePage(), require_user(request)
    if form.is_bound and form.is_valid():
        who = form.cleaned_data["pseudonym"]
        try:
            found = preview_erasure(user, who)
            if found.found and request.POST.get("confirmed") == "yes":
                count = erase_person(user, who)
                sentence = _("The person is erased, every proof stands. Values erased from the ledger: {count}.")
                messages.success(request, sentence.format(count=count))
                return redirect("erase")
        except AccessError as error:
            form.add_error(None, translate_error(error))
        else:
            if found.found:
                page = ErasePage(preview=found.without_counts())
            else:
                form.add_error("pseudonym", _describe_nothing(found.files))
    status = 422 if form.errors else 200
    return page_response(request, "desk/people/erase.html", page, {"form": form}, status=status)


def _describe_nothing(files: tuple[str, ...]) -> str:
    sentence = _("There is nothing of this person here.")
    if not files:
        return sentence
    more = _("Files of the plan folder hold the pseudonym: {files}.")
    return f"{sentence} {more.format(files=', '.join(files))}"


def _show_looks(request: HttpRequest, form: IdentityForm, shown: dict[str, str] | None = None) -> HttpResponse:
    """Return the page; ``shown`` is the name that was just asked for, which no JSON holds."""
    user = require_user(request)
    page = IdentityPage(
        time_zone=current_time_zone(),
        names=reidentification.has_names(),
        notices=tuple(list_unread(user)),
        looks=list_looks(user, timezone.now(), _MOST),
        contacts=list_contact_accesses(_MOST),
    )
    asks = can(user, "health.reidentify")
    context = {"form": form if asks else None, "shown": shown}
    status = 422 if form.errors else 200
    return page_response(request, "desk/people/identity.html", page, context, status=status)


_log = logging.getLogger(__name__)


class PasswordReset(PasswordResetView):  # type: ignore[misc]  # allauth has no types
    """The page that mails the link, where there is a mail server."""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Add whether a link can be mailed."""
        return {**super().get_context_data(**context), "mailed": bool(settings.EMAIL_HOST)}


class Connections(ConnectionsView):  # type: ignore[misc]
    """Connecting the own account to the organisation's sign-in service, and disconnecting it."""

    def dispatch(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        """Lead visitors of an open desk, who have no account, to the choice of a role."""
        if require_user(request).visitor_role:
            return redirect("look")
        return cast(HttpResponseBase, super().dispatch(request, *args, **options))

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Disconnect, with the entry of the ledger or not at all."""
        with transaction.atomic():
            return cast(HttpResponse, super().form_valid(form))


def hand_over_link(user: User, *, by: str, request: HttpRequest | None = None, show: bool = False) -> str:
    """Mail an address at which a password can be chosen, once, within three days; return "".

    Without a mail server, or an address of the account, or where ``show`` asks for it since its
    mailbox cannot be reached, it is returned instead to be shown, and its reader is tied to
    the account. It starts as RELEVE_URL says; where that is not set,
    as the request's own address.
    """
    if settings.EMAIL_HOST and user.email and not show:
        key = create_password_key(user)
        subject = _("Choose your password")
        try:
            send_mail(subject, f"{subject}: {_build_address(key, request)}\n", None, [user.email])
        except OSError as error:
            _log.warning("a link to choose a password was not mailed, and is shown: %s", error)
        else:
            record_mailed_link(user, by=by)
            return ""
    return _build_address(show_password_key(user, by=by), request)


def _build_address(key: dict[str, str], request: HttpRequest | None) -> str:
    path = reverse("account_reset_password_from_key", kwargs=key)
    if request is not None and not settings.DESK_URL_IS_SET:
        return request.build_absolute_uri(path)
    return settings.DESK_URL + path


@serve("users.manage", FORM, recent=True)
def list_people(request: HttpRequest) -> HttpResponse:
    """List the accounts with their roles; give a role, and an account where there is none."""
    form = GrantForm(live.list_named_places(), read_sent(request))
    made: list[tuple[User, bool]] = []

    def give() -> None:
        refuse_visitor(request)
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
def hand_over_person(request: HttpRequest, number: int) -> HttpResponse:
    """Let the organisation's directory change and close an account; one's own is for another administrator."""
    name, by = _find_other(request, pk=number).get_username(), actor_name(request)
    said = _("The directory may change and close the account now.")
    return act_and_lead(request, lambda: hand_over(name, by=by), said)


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
        refuse_visitor(request)
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
        grants.request_reset(user, form.cleaned_data["reason"], by=by)

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
    return act_and_lead(request, lambda: grants.approve_reset(reset, by=by), said)


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


def refuse_visitor(request: HttpRequest) -> None:
    """Refuse what an open desk's visitor gives."""
    if require_user(request).visitor_role is not None:
        raise grants.AccessError(_("An open desk gives no accounts: stop it and serve without --open."))


def _show_with_link(request: HttpRequest, user: User, *, show: bool = False) -> HttpResponse:
    name, by = user.get_username(), actor_name(request)
    link = hand_over_link(user, by=by, request=request, show=show)
    return _show(request, NewSecret(name=name, link=link, mailed="" if link else user.email))


def _show(request: HttpRequest, made: NewSecret | None = None, **refused: forms.Form) -> HttpResponse:
    """Return the page, with what was just made, or with a form that was ``refused``."""
    page = PeoplePage(
        made=made,
        people=list_accounts(),
        programs=list_programs(),
        resets=grants.list_resets_for(actor_name(request)),
        confirmations=confirmations.list_confirmations(actor_name(request)),
        systems=tuple(map(SystemState.from_row, live.list_routing_states())),
        unreached=_count_unreached(),
    )
    context = {
        "form": GrantForm(live.list_named_places()),
        "token_form": TokenForm(live.list_named_places()),
        "mails_links": bool(settings.EMAIL_HOST),
        "has_directory": any(row.held.role in PROVISIONS for row in page.programs),
        "gives_by_group": bool(settings.GROUP_CLAIMS),
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


urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    # Without a password one signs in by the service; an administrator's link gives a first one.
    path("password/set/", RedirectView.as_view(pattern_name="account"), name="account_set_password"),
    path("password/reset/", PasswordReset.as_view(), name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
    path("service/", login_required(Connections.as_view()), name="socialaccount_connections"),
    path("service/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("service/error/", social.login_error, name="socialaccount_login_error"),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
]
