"""The forms of an audit: opened, observed, concluded; findings raised, answered, verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.roles import Role
from releve.desk.forms import LONGEST, build_day_field, set_choices
from releve.desk.live.forms import VERDICTS, RecordForm
from releve.desk.live.photo_field import PhotosForm
from releve.live import api as live
from releve.situation import (
    AuditConcluded,
    AuditFinding,
    AuditObserved,
    AuditOpened,
    CharterAudit,
    Event,
    FindingAnswered,
    FindingRaised,
    FindingVerified,
)
from releve.situation.events_audit import OWNERS

__all__ = [
    "AnswerForm",
    "AuditOpeningForm",
    "ConclusionForm",
    "FindingForm",
    "ObservationForm",
    "SheetForm",
    "VerificationForm",
]

METHODS = (
    ("examine", lazy("documents examined")),
    ("interview", lazy("people asked")),
    ("test", lazy("tried on the spot")),
)
_MOST_DIGITS = 9


def _build_text_field(label: Any, *, required: bool = True, rows: int = 3) -> forms.CharField:
    return forms.CharField(
        label=label, required=required, max_length=LONGEST, widget=forms.Textarea({"rows": rows})
    )


class _WholeForm(RecordForm):
    """A form that is of no one site: its time is on the operator's clocks."""

    def prepare(self, site: str) -> None:
        del self.fields["site"]
        self.fields["happened_at"].label = _("When, on the operator’s clocks")

    def common(self, actor: str) -> dict[str, Any]:
        self.cleaned_data["site"] = ""
        found = super().common(actor)
        del found["site"]
        return found


class AuditOpeningForm(_WholeForm):
    """An audit begins: who audits, which sites, how they were chosen."""

    audit = forms.CharField(
        label=lazy("Name of the audit"),
        max_length=64,
        help_text=lazy("Short and its own, for example audit-2026-12."),
    )
    body = forms.CharField(label=lazy("Auditing body"), max_length=LONGEST)
    sites = forms.MultipleChoiceField(
        label=lazy("Sites of the sample"), widget=forms.CheckboxSelectMultiple
    )
    basis = _build_text_field(lazy("How the sample was chosen"), rows=2)
    field_order = ("audit", "body", "sites", "basis", "happened_at", "key")

    def prepare(self, site: str) -> None:
        super().prepare(site)
        names = [(key, self.place.operator.site[key].name) for key in self.place.sites]
        set_choices(self, "sites", names)

    def event(self, actor: str) -> Event:
        found, charter = self.cleaned_data, self.place.charter
        return AuditOpened(
            **self.common(actor),
            audit=found["audit"].strip(),
            body=found["body"],
            sites=tuple(found["sites"]),
            basis=found["basis"],
            charter=charter.id if charter else "",
            version=charter.version if charter else "",
        )


class ObservationForm(PhotosForm):
    """What was seen of one measure at one site."""

    audit: CharterAudit
    measure = forms.ChoiceField(label=lazy("Measure of the charter"))
    verdict = forms.ChoiceField(
        label=lazy("What was found"), choices=VERDICTS, widget=forms.RadioSelect
    )
    method = forms.ChoiceField(
        label=lazy("How it was seen"), choices=METHODS, widget=forms.RadioSelect
    )
    evidence = forms.CharField(
        label=lazy("Numbers of the ledger’s entries examined, with commas between"),
        required=False,
        max_length=LONGEST,
        widget=forms.TextInput({"inputmode": "numeric"}),
    )
    note = _build_text_field(lazy("Remark, without a person’s name"), required=False)
    field_order = (
        "site", "measure", "verdict", "method", "happened_at", "evidence", "photos", "note", "kept",
        "key",
    )  # fmt: skip
    stream = live.LIVE

    def prepare(self, site: str) -> None:
        self.fields["happened_at"].label = _("When it was seen, on the clocks of the site")
        measures = () if self.place.charter is None else self.place.charter.measures
        french = self.place.text.french
        rows = [(row.id, row.text_fr if french else row.text) for row in measures]
        set_choices(self, "measure", [("", _("choose")), *rows])

    def clean_evidence(self) -> tuple[str, ...]:
        """Return the ids of the events of the entries that are named."""
        names = [name.strip() for name in self.cleaned_data["evidence"].split(",") if name.strip()]
        if not all(name.isdecimal() and len(name) <= _MOST_DIGITS for name in names):
            raise forms.ValidationError(_("Write numbers, with commas between."))
        ids = live.find_event_ids([int(name) for name in names], self.stream)
        missing = [name for name in names if int(name) not in ids]
        if missing:
            said = _("No such entries: {numbers}.")
            raise forms.ValidationError(said.format(numbers=", ".join(missing)))
        return tuple(dict.fromkeys(ids[int(name)] for name in names))

    def event(self, actor: str) -> Event:
        found, common = self.cleaned_data, self.common(actor)
        return AuditObserved(
            **common | {"happened_at": self.place.at},
            audit=self.audit.opened.audit,
            measure=found["measure"],
            verdict=found["verdict"],
            method=found["method"],
            seen_at=min(common["happened_at"], self.place.at)
            if found["happened_at"] is None
            else common["happened_at"],
            evidence=found["evidence"],
            photos=self.digests,
            note=found["note"],
        )


class FindingForm(_WholeForm):
    """A finding on a measure that was observed as wanting."""

    audit: CharterAudit
    subject = forms.ChoiceField(label=lazy("Site and measure"))
    severity = forms.ChoiceField(
        label=lazy("How serious it is"),
        choices=(("major", lazy("major")), ("minor", lazy("minor"))),
        widget=forms.RadioSelect,
    )
    due = build_day_field(lazy("To be corrected by"))
    note = _build_text_field(lazy("What is wrong, without a person’s name"))
    field_order = ("subject", "severity", "due", "note", "happened_at", "key")

    def offer(self, audit: CharterAudit, rows: Sequence[tuple[str, str]]) -> None:
        """Offer the places of an audit to choose from, as (``site measure``, label)."""
        self.audit = audit
        set_choices(self, "subject", [("", _("choose")), *rows])

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        site, measure = found["subject"].split(" ", 1)
        number = len(self.audit.findings) + 1
        return FindingRaised(
            **self.common(actor),
            audit=self.audit.opened.audit,
            finding=f"f{number}",
            site=site,
            measure=measure,
            severity=found["severity"],
            due=found["due"],
            note=found["note"],
        )


class _OnFindingForm(_WholeForm):
    """A form about one finding."""

    finding: AuditFinding

    def common(self, actor: str) -> dict[str, Any]:
        raised = self.finding.raised
        names = ("audit", "finding", "site", "measure")
        return super().common(actor) | {name: getattr(raised, name) for name in names}


class AnswerForm(_OnFindingForm):
    """Why it happened, and what is done by when."""

    cause = _build_text_field(lazy("Why it happened"))
    action = _build_text_field(lazy("What is done"))
    owner = forms.ChoiceField(label=lazy("Role that does it"))
    due = build_day_field(lazy("Done by"))
    field_order = ("cause", "action", "owner", "due", "happened_at", "key")

    def prepare(self, site: str) -> None:
        super().prepare(site)
        set_choices(self, "owner", [(role, Role(role).label) for role in OWNERS])

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        names = ("cause", "action", "owner", "due")
        return FindingAnswered(**self.common(actor), **{name: found[name] for name in names})


class VerificationForm(_OnFindingForm):
    """Whether the action works, seen by another person than the one who answered."""

    effective = forms.ChoiceField(
        label=lazy("Does it work"),
        choices=(("yes", lazy("yes: the finding is closed")), ("no", lazy("no: it stays open"))),
        widget=forms.RadioSelect,
    )
    note = _build_text_field(lazy("What was seen"), required=False)
    field_order = ("effective", "note", "happened_at", "key")

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        works = found["effective"] == "yes"
        return FindingVerified(**self.common(actor), effective=works, note=found["note"])


class ConclusionForm(_WholeForm):
    """The auditor's conclusion on the whole."""

    audit: CharterAudit
    conclusion = forms.ChoiceField(
        label=lazy("Conclusion"),
        choices=(
            ("conforms", lazy("conforms")),
            ("conforms_with_findings", lazy("conforms, with findings")),
            ("does_not_conform", lazy("does not conform")),
        ),
        widget=forms.RadioSelect,
    )
    note = _build_text_field(lazy("Remark, without a person’s name"), required=False)
    field_order = ("conclusion", "note", "happened_at", "key")

    def event(self, actor: str) -> Event:
        found = self.cleaned_data
        return AuditConcluded(
            **self.common(actor),
            audit=self.audit.opened.audit,
            conclusion=found["conclusion"],
            note=found["note"],
        )


class SheetForm(forms.Form):
    """The sheet that was filled in off line."""

    sheet = forms.FileField(label=lazy("Sheet filled in (CSV)"))
