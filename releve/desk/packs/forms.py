"""The form that makes a pack: what it is, its period, its language; sound values stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can, scope_for
from releve.desk.forms import PlainForm, build_day_field, set_choices
from releve.evidence.errors import PackRefused
from releve.evidence.sources import PackRequest
from releve.evidence.store import IssuedPack, issue_pack
from releve.network import Operator
from releve.runs.installation import open_crash_tests

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_DAYS = 14
PERMISSIONS_BY_KIND = {
    "client": "evidence.client",
    "inspection": "evidence.inspection",
    "audit": "evidence.audit",
    "crashtest": "evidence.audit",
    "association": "evidence.association",
}
"""Kind of pack -> the permission to obtain it."""


def has_reach(user: AnyUser, kind: str, recipient: str, permission: str = "") -> bool:
    """Return whether a user may have a pack: those of their own client or site, where limited."""
    reach = scope_for(user, permission or PERMISSIONS_BY_KIND[kind])
    if kind == "client":
        return reach.covers(client=recipient)
    return reach.covers(site=recipient) if kind == "inspection" else reach.is_whole


def list_choices(user: AnyUser, operator: Operator) -> Iterator[tuple[str, str]]:
    """Yield the packs that a user may make, as value and words."""
    rows = [
        *(("inspection", row.id, _("Inspection: {name}").format(name=row.name))
          for row in operator.sites),
        *(("client", row.id, _("Client: {name}").format(name=row.name))
          for row in operator.clients),
        ("audit", "", _("Audit of the charter")),
        ("association", "", _("Association")),
        *(("crashtest", run.id, _("Crash test: {name}").format(name=run.order.name))
          for run in open_crash_tests().list_jobs() if run.state == "done"),
    ]  # fmt: skip
    for kind, recipient, words in rows:
        held = has_reach(user, kind, recipient) and has_reach(
            user, kind, recipient, "evidence.make"
        )
        seen = kind != "inspection" or can(user, "health.see", site=recipient)
        if held and seen:
            yield f"{kind}:{recipient}", words


class EvidencePackForm(PlainForm):
    """What to make; the period proposed ends before the last root was signed."""

    made: IssuedPack
    what = forms.ChoiceField(label=lazy("Pack"))
    first = build_day_field(lazy("First day"))
    last = build_day_field(lazy("Last day"))
    language = forms.ChoiceField(
        label=lazy("Language"), choices=[("fr", "Français"), ("en", "English")]
    )

    def __init__(
        self, *args: Any, choices: list[tuple[str, str]], sealed: date, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        set_choices(self, "what", choices)
        self.initial.setdefault("first", sealed - timedelta(days=_DAYS))
        self.initial.setdefault("last", sealed - timedelta(days=1))
        self.initial.setdefault("language", (get_language() or "fr")[:2])

    def make(self, by: str) -> None:
        """Make the pack that a valid form says: ``made``."""
        self.made = issue_pack(self.cleaned_data["request"], by, timezone.now())

    def clean(self) -> dict[str, Any]:
        """Return the fields with the request that they make."""
        found = super().clean() or {}
        if {"what", "first", "last", "language"} <= set(found):
            kind, _colon, recipient = found["what"].partition(":")
            try:
                found["request"] = PackRequest(
                    kind, recipient, found["first"], found["last"], found["language"]
                )
            except PackRefused:
                self.add_error(
                    "last", _("The last day comes after the first, at most a year later.")
                )
        return found
