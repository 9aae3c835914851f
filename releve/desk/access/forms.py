"""Forms of the access pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.access.places import Places
from releve.desk.access.roles import BY_CLIENT, BY_SITE, Role

__all__ = ["LookForm"]


class LookForm(forms.Form):
    """The role an open desk's visitor looks through, with a site or client where it takes one."""

    role = forms.ChoiceField(choices=Role.choices, label=lazy("Role"), widget=forms.RadioSelect)
    site = forms.ChoiceField(required=False, label=lazy("Site, for a site lead"))
    client = forms.ChoiceField(required=False, label=lazy("Client, for its representative"))

    def __init__(self, known: Places, data: Any = None) -> None:
        super().__init__(data)
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
