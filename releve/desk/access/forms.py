"""Forms of the access pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.grants import RoleRequest
from releve.accounts.models import Token
from releve.accounts.roles import BY_CLIENT, BY_SITE, WATCHING, Role
from releve.accounts.scopes import find_scope_faults
from releve.accounts.tokens import LONGEST_DAYS, NAME
from releve.desk.forms import (
    PlainForm,
    build_day_field,
    build_id_field,
    build_text_field,
    set_choices,
)
from releve.live.api import NamedPlaces


class RoleChoiceForm(PlainForm):
    """The role an open desk's visitor looks through, with a site or client where it takes one."""

    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in Role if role not in WATCHING],
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
        return RoleRequest(
            values["role"], tuple(values["sites"]), tuple(values["clients"]), values["last_day"]
        )


class GrantForm(_RoleForm):
    """A role for a user, with a new account where there is none of that name."""

    name = forms.CharField(max_length=150, label=lazy("Name to sign in with"))
    email = forms.EmailField(required=False, label=lazy("E-mail"))
    field_order = ("name", "email")


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
        lazy("Reason, which is recorded"),
        rows=2,
        help_text=lazy("Ten characters or more."),
        required=True,
    )
