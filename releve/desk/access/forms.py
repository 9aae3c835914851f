"""Forms of the access pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.access.people import Wanted
from releve.desk.access.places import Places
from releve.desk.access.roles import BY_CLIENT, BY_SITE, DATED, Role

__all__ = ["GrantForm", "LookForm"]


class LookForm(forms.Form):
    """The role an open desk's visitor looks through, with a site or client where it takes one."""

    role = forms.ChoiceField(choices=Role.choices, label=lazy("Role"), widget=forms.RadioSelect)
    site = forms.ChoiceField(required=False, label=lazy("Site, for a site lead"))
    client = forms.ChoiceField(required=False, label=lazy("Client, for its representative"))

    def __init__(self, known: Places, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        for name, items in (("site", known.sites), ("client", known.clients)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "—"), *items]

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


class GrantForm(forms.Form):
    """A role for somebody, who is given an account where there is none of that name."""

    name = forms.CharField(max_length=150, label=lazy("Name to sign in with"))
    email = forms.EmailField(required=False, label=lazy("E-mail"))
    role = forms.ChoiceField(choices=Role.choices, label=lazy("Role"))
    sites = forms.MultipleChoiceField(required=False, label=lazy("Sites, where held for some"))
    clients = forms.MultipleChoiceField(required=False, label=lazy("Clients, where held for some"))
    last_day = forms.DateField(
        required=False,
        label=lazy("Last day, for an inspector or an auditor"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, known: Places, data: Any = None) -> None:
        super().__init__(data)
        for name, items in (("sites", known.sites), ("clients", known.clients)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = list(items)

    def wanted(self) -> Wanted:
        """Return the role as the service takes it; sites and clients only where it is for some."""
        values = self.cleaned_data
        role = Role(values["role"])
        limited = role in BY_SITE or role in DATED
        return Wanted(
            role.value,
            tuple(values["sites"]) if limited else (),
            tuple(values["clients"]) if role in BY_CLIENT else (),
            values["last_day"],
        )
