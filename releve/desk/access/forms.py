"""Forms of the access pages, the second factor, and the desk's settings of django-allauth.

Sentences of django-allauth stand here too: Django looks them up in the desk's catalogue first.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core.context import request_context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base import AuthProcess
from cryptography.fernet import MultiFernet
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.grants import AccessError, RoleRequest, build_factor_box, record_mailed_link
from releve.accounts.group_roles import Vouched, admit
from releve.accounts.models import LONGEST_GROUP, Token, User
from releve.accounts.permissions import BY_CLIENT, BY_SITE, DATED, PROVISIONS, WATCHING, Role, acting_roles
from releve.accounts.scopes import find_scope_faults
from releve.accounts.tokens import LONGEST_DAYS, NAME
from releve.desk.forms import PlainForm, build_day_field, build_id_field, build_text_field, set_choices
from releve.desk.text import translate_error
from releve.live.api import NamedPlaces


class RoleChoiceForm(PlainForm):
    """The role an open desk's visitor looks through, with a site or client where it takes one."""

    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in Role if role not in WATCHING | PROVISIONS],
        label=lazy("Role"),
        widget=forms.RadioSelect,
    )
    site = forms.ChoiceField(required=False, label=lazy("Site, for a site lead"))
    client = forms.ChoiceField(required=False, label=lazy("Client, for its representative"))

    def __init__(self, known: NamedPlaces, data: Any = None) -> None:
        super().__init__(data)
        for name, items in (("site", known.sites), ("client", known.clients)):
            set_choices(self, name, [("", "—"), *items])

    def clean(self) -> dict[str, Any]:
        """Refuse a role that is held for sites or clients without one."""
        values = super().clean() or {}
        for name, roles in (("site", BY_SITE), ("client", BY_CLIENT)):
            if values.get("role") in roles and not values.get(name):
                self.add_error(name, _("Choose one: this role is held for some."))
        return values

    @property
    def role_chosen(self) -> Role:
        return Role(self.cleaned_data["role"])

    @property
    def place(self) -> str:
        """The site or client that the role is looked through for; empty where it needs none."""
        if self.role_chosen in BY_SITE:
            return str(self.cleaned_data["site"])
        return str(self.cleaned_data["client"]) if self.role_chosen in BY_CLIENT else ""


class _RoleForm(forms.Form):
    """A role, with the sites and clients it is held for where it is held for some, and an end."""

    role = forms.ChoiceField(choices=Role.choices, label=lazy("Role"))
    sites = forms.MultipleChoiceField(required=False, label=lazy("Sites, where held for some"))
    clients = forms.MultipleChoiceField(required=False, label=lazy("Clients, where held for some"))
    last_day = build_day_field(lazy("Last day, for an inspector or an auditor"), required=False)

    def __init__(self, known: NamedPlaces, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        set_choices(self, "sites", known.sites)
        set_choices(self, "clients", known.clients)

    def clean(self) -> dict[str, Any]:
        """Refuse sites or clients that the role cannot be held for, by the field."""
        values = super().clean() or {}
        if {"role", "sites", "clients"} <= set(values):
            found = find_scope_faults(values["role"], values["sites"], values["clients"])
            for name, fault in found.items():
                self.add_error(name, fault)
        return values

    def wanted(self) -> RoleRequest:
        """Return the role as the service takes it, with every site and client that was named."""
        values = self.cleaned_data
        return RoleRequest(values["role"], tuple(values["sites"]), tuple(values["clients"]), values.get("last_day"))


class GrantForm(_RoleForm):
    """A role for a user, with a new account where there is none of that name."""

    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in Role if role not in PROVISIONS], label=lazy("Role")
    )
    name = forms.CharField(max_length=150, label=lazy("Name to sign in with"))
    email = forms.EmailField(required=False, label=lazy("E-mail"))
    field_order = ("name", "email")


class GroupRoleForm(_RoleForm):
    """A role for a group of the sign-in service."""

    group = build_id_field(
        lazy("Group, as the service writes it"), longest=LONGEST_GROUP, strip=False, help_text=lazy("To the letter.")
    )
    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in Role if role not in DATED | WATCHING | PROVISIONS],
        label=lazy("Role"),
    )
    last_day = None  # type: ignore[assignment]  # without an end: the group is left, or the row ended
    field_order = ("group",)


class TokenForm(_RoleForm):
    """A role for a program, to an end that is required."""

    name = build_id_field(
        lazy("Name of the program"),
        longest=100,
        help_text=lazy("Letters, digits, dots and dashes; it is kept for ever."),
    )
    last_day = build_day_field(lazy("Last day, within a year"))
    field_order = ("name",)

    def __init__(self, known: NamedPlaces, data: Any = None) -> None:
        super().__init__(known, data, auto_id="id_token_%s")

    def clean_name(self) -> str:
        """Refuse a name that is none, or that was given before."""
        name = str(self.cleaned_data["name"])
        if not NAME.fullmatch(name):
            raise ValidationError(_("Use letters, digits, dots and dashes only, no space."))
        if Token.objects.filter(name=name).exists():
            raise ValidationError(_("A token has this name, or had it: take another."))
        return name

    def clean_last_day(self) -> date:
        """Refuse a day that is past, or further than a token may open."""
        day: date = self.cleaned_data["last_day"]
        now = timezone.now()
        if not now.date() <= day < (now + timedelta(days=LONGEST_DAYS)).date():
            raise ValidationError(_("Choose a day from today on, within a year."))
        return day


class FactorResetForm(forms.Form):
    """How the person was recognised."""

    reason = build_text_field(
        lazy("How the person was recognised"),
        help_text=lazy("For example: in person, by the badge. It is recorded."),
        required=True,
    )


class EraseForm(forms.Form):
    """Whom to erase."""

    pseudonym = build_id_field(lazy("Agent’s pseudonym"), longest=128)


class IdentityForm(EraseForm):
    """Whom to look behind, and why."""

    reason = build_text_field(
        lazy("Reason, which is recorded"), rows=2, help_text=lazy("Ten characters or more."), required=True
    )


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are opened by an administrator only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an administrator gives accounts."""
        return False

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Mail a link to choose a password, which the ledger records; without a server, neither."""
        if settings.EMAIL_HOST:
            record_mailed_link(user)
            super().send_password_reset_mail(user, email, context)


class ServiceAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """The organisation's sign-in service lets in those who connected their account to it themselves."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultSocialAccountAdapter.error_messages,
        "no_password": lazy(
            "Your account has no password, so that you could not sign in any more:"
            " ask an administrator for a link to choose one, then disconnect."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Return False: an identity that no account is connected to stays outside, whatever its address."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Give who signs in the roles of their groups, where those give roles; refuse to connect a second identity.

        With a second one, the holder of a session could stay for ever.
        """
        account, process = sociallogin.account, sociallogin.state.get("process")
        if account.provider in settings.GROUP_CLAIMS and process not in (AuthProcess.CONNECT, AuthProcess.REDIRECT):
            self._admit(request, sociallogin)
        if process != AuthProcess.CONNECT or not isinstance(request.user, User):
            return
        held = SocialAccount.objects.filter(user_id=request.user.pk, provider=account.provider)
        if request.user.visitor_role or held.exclude(uid=account.uid).exists():
            said = _("Your account is connected to another identity of this service: disconnect it first.")
            messages.error(request, said)
            raise ImmediateHttpResponse(redirect("socialaccount_connections"))

    @staticmethod
    def _admit(request: HttpRequest, sociallogin: Any) -> None:
        account = sociallogin.account
        try:
            admit(Vouched.from_account(account, settings.GROUP_CLAIMS[account.provider]))
        except AccessError as error:
            context = {"refusal": translate_error(error)}
            page = render(request, "account/signup_closed.html", context, status=403)
            raise ImmediateHttpResponse(page) from error
        if not sociallogin.is_existing:
            sociallogin.lookup()

    def send_notification_mail(self, *args: Any, **options: Any) -> None:
        """Mail what changed once it is stored; a mail server that fails takes nothing back."""
        request, send = self.request, super().send_notification_mail

        def mail() -> None:
            with request_context(request):
                send(*args, **options)

        transaction.on_commit(mail, robust=True)


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors' secrets are encrypted in the database, under a key made from SECRET_KEY."""

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret in clear."""
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> MultiFernet:
    """Encrypts under today's key; decrypts under those before it, too."""
    return build_factor_box([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])


SENTENCES = (
    lazy("Username or email"),
    lazy("Forgot your password?"),
    lazy("Username"),
    lazy("Email address"),
    lazy("Current Password"),
    lazy("New Password"),
    lazy("New Password (again)"),
    lazy("Password (again)"),
    lazy("The username and/or password you specified are not correct."),
    lazy("The email address and/or password you specified are not correct."),
    lazy("Too many failed login attempts. Try again later."),
    lazy("This account is currently inactive."),
    lazy("You must type the same password each time."),
    lazy("The new value must be different from the current one."),
    lazy("Please type your current password."),
    lazy("Incorrect code."),
    lazy("Incorrect password."),
    lazy("Code"),
    lazy("Authenticator code"),
    lazy("TOTP Authenticator"),
    lazy("Passwordless"),
    lazy(
        "Enabling passwordless operation allows you to sign in using just this key, but imposes"
        " additional requirements such as biometrics or PIN protection."
    ),
    lazy("Master key"),
    lazy("Backup key"),
    lazy("Use your password"),
    lazy("Use authenticator app or code"),
    lazy("Use a security key"),
    lazy("You cannot deactivate two-factor authentication."),
    lazy("This functionality requires JavaScript."),
    lazy("Be patient, you are sending too many requests."),
    lazy("Password successfully changed."),
    lazy("Authenticator app activated."),
    lazy("Authenticator app deactivated."),
    lazy("A new set of recovery codes has been generated."),
    lazy("Security key added."),
    lazy("Security key removed."),
    lazy("Signed out of all other sessions."),
    lazy("The third-party account has been connected."),
    lazy("The third-party account has been disconnected."),
    lazy("The third-party account is already connected to a different account."),
    # mails on the sign-in service and with a link: their templates are plain texts, which the catalogue does not read
    lazy("The identity %(identity)s of %(name)s now signs in to your account."),
    lazy("The identity %(identity)s of %(name)s no longer signs in to your account."),
    lazy("To choose a password, open this address. It works once, for three days:"),
    lazy("This message signs no one in. If you did not ask for it, do nothing."),
)


_TO_OPEN_SECONDS = 5 * 60
_TO_SEND_SECONDS = 30 * 60
"""To send a form that was opened within the first of the two, with the time to fill it in."""


def lacks_second_factor(request: HttpRequest) -> bool:
    """Return whether a user with a role that acts has not set up a second factor yet."""
    user = request.user
    if not settings.SECOND_FACTOR_REQUIRED or not isinstance(user, User) or user.visitor_role:
        return False
    acting = acting_roles()
    if not any(held.role in acting for held in user.held_roles):
        return False
    return not is_mfa_enabled(user)


def authenticated_recently(request: HttpRequest) -> bool:
    """Return whether a user authenticated recently enough for an act with consequences.

    Always true on an open desk, and for users who sign in by the organisation's service alone and,
    with second factors off, have nothing here to authenticate with.
    """
    user = request.user
    if not isinstance(user, User):
        return False
    if user.visitor_role or not get_adapter().get_reauthentication_methods(user):
        return True
    records = get_authentication_records(request, user)
    if not records:
        return False
    limit = _TO_OPEN_SECONDS if request.method in ("GET", "HEAD") else _TO_SEND_SECONDS
    return bool(time.time() - max(record["at"] for record in records) < limit)


def reauthentication_url(request: HttpRequest) -> str:
    """Return the address at which a user authenticates again: password, or second factor."""
    return str(get_adapter().get_reauthentication_methods(request.user)[0]["url"])
