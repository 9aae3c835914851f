"""The forms of an audit: opened, observed, concluded; findings raised, answered, verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.permissions import Role
from releve.desk.forms import LONGEST, build_day_field, build_radio_field, build_text_field, set_choices
from releve.desk.live.forms import VERDICTS, RecordForm
from releve.desk.live.photo_field import PhotosForm
from releve.desk.page import pick_fields
from releve.plugins.inspection import draws
from releve.situation import (
    AuditConcluded,
    AuditFinding,
    AuditObserved,
    AuditOpened,
    CharterAudit,
    FindingAnswered,
    FindingRaised,
    FindingVerified,
    Notice,
)
from releve.situation.events_audit import OWNERS

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

METHODS = (
    ("examine", lazy("documents examined")),
    ("interview", lazy("people asked")),
    ("test", lazy("tried on the spot")),
)
SEVERITIES = (("major", lazy("major")), ("minor", lazy("minor")))
CONCLUSIONS = (
    ("conforms", lazy("conforms")),
    ("conforms_with_findings", lazy("conforms, with findings")),
    ("does_not_conform", lazy("does not conform")),
)
_MOST_DIGITS = 9


class AuditStepForm(RecordForm):
    """A form of an audit, or of one of its findings; ``whole``: for who reaches all its sites."""

    permission = "event.record.audit"
    whole: ClassVar[bool] = False
    audit: CharterAudit
    finding: AuditFinding

    def attach(self, audit: CharterAudit, finding: AuditFinding | None) -> None:
        """Set what the form is of, and what can be chosen from it."""
        self.audit = audit
        if finding is not None:
            self.finding = finding


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

    records = AuditOpened
    permission = "event.record.audit"
    title = lazy("Open an audit")
    intro = lazy("The charter in force today is audited; each observation follows that of its day.")

    audit = forms.CharField(
        label=lazy("Name of the audit"), max_length=64, help_text=lazy("Short and its own, for example audit-2026-12.")
    )
    body = forms.CharField(label=lazy("Auditing body"), max_length=LONGEST)
    sites = forms.MultipleChoiceField(label=lazy("Sites of the sample"), widget=forms.CheckboxSelectMultiple)
    basis = build_text_field(lazy("How the sample was chosen"), rows=2, required=True)

    def prepare(self, site: str) -> None:
        super().prepare(site)
        set_choices(self, "sites", self.place.list_names())

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        charter = self.place.charter
        return {
            "sites": tuple(self.cleaned_data["sites"]),
            "charter": charter.id if charter else "",
            "version": charter.version if charter else "",
        }


class ObservationForm(PhotosForm, AuditStepForm):
    """What was seen of one measure at one site."""

    records = AuditObserved
    title = lazy("Observation")
    intro = lazy("One measure at a time; the last observation of it counts.")

    measure = forms.ChoiceField(label=lazy("Measure of the charter"))
    verdict = build_radio_field(lazy("What was found"), *VERDICTS)
    method = build_radio_field(lazy("How it was seen"), *METHODS)
    evidence = build_text_field(
        lazy("Numbers of the ledger’s entries examined, with commas between"),
        widget=forms.TextInput({"inputmode": "numeric"}),
    )
    note = build_text_field(lazy("Remark, without a person’s name"), rows=3)
    field_order = ("site", "measure", "verdict", "method", "happened_at", "evidence")

    def fill(self, request: HttpRequest) -> None:
        """Fill in the measure that a link names."""
        self.initial["measure"] = request.GET.get("measure", "")

    def prepare(self, site: str) -> None:
        self.fields["happened_at"].label = _("When it was seen, on the clocks of the site")
        set_choices(self, "measure", [("", _("choose")), *self.place.list_measures()])

    def clean_evidence(self) -> tuple[str, ...]:
        """Return the ids of the events of the entries that are named."""
        names = [name.strip() for name in self.cleaned_data["evidence"].split(",") if name.strip()]
        if not all(name.isdecimal() and len(name) <= _MOST_DIGITS for name in names):
            raise forms.ValidationError(_("Write numbers, with commas between."))
        ids = draws.find_event_ids([int(name) for name in names], self.place.stream)
        missing = [name for name in names if int(name) not in ids]
        if missing:
            said = _("No such entries: {numbers}.")
            raise forms.ValidationError(said.format(numbers=", ".join(missing)))
        return tuple(dict.fromkeys(ids[int(name)] for name in names))

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "happened_at": common["recorded_at"],
            "audit": self.audit.opened.audit,
            "seen_at": common["happened_at"],
            "photos": self.digests,
        }


class FindingForm(_WholeForm, AuditStepForm):
    """A finding on a measure that was observed as wanting."""

    records = FindingRaised
    title = lazy("Finding")
    intro = lazy("While it is open the measure does not count as kept, whatever the checks say.")
    send = lazy("Raise the finding")

    subject = forms.ChoiceField(label=lazy("Site and measure"))
    severity = build_radio_field(lazy("How serious it is"), *SEVERITIES)
    due = build_day_field(lazy("To be corrected by"))
    note = build_text_field(lazy("What is wrong, without a person’s name"), rows=3, required=True)

    def attach(self, audit: CharterAudit, finding: AuditFinding | None) -> None:
        """Offer the measures of the user's sites that were last seen wanting."""
        super().attach(audit, finding)
        sites, texts = self.place.operator.site, dict(self.place.list_measures())
        rows = [
            (f"{site} {measure}", f"{sites[site].name} · {texts.get(measure, measure)}")
            for site, measure in audit.list_wanting()
            if site in self.place.sites
        ]
        set_choices(self, "subject", [("", _("choose")), *rows])

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        site, measure = self.cleaned_data["subject"].split(" ", 1)
        return {
            "audit": self.audit.opened.audit,
            "finding": f"f{len(self.audit.findings) + 1}",
            "site": site,
            "measure": measure,
        }


class _OnFindingForm(_WholeForm, AuditStepForm):
    """A form about one finding."""

    def introduce(self, notes: Sequence[Notice]) -> StrPromise | str:
        """Return what was found."""
        return self.finding.raised.note

    def common(self, actor: str) -> dict[str, Any]:
        raised = self.finding.raised
        return super().common(actor) | pick_fields(raised, "audit", "finding", "site", "measure")


class AnswerForm(_OnFindingForm):
    """Why it happened, and what is done by when."""

    records = FindingAnswered
    permission = "event.record.answer"
    title = lazy("Answer to a finding")

    cause = build_text_field(lazy("Why it happened"), rows=3, required=True)
    action = build_text_field(lazy("What is done"), rows=3, required=True)
    owner = forms.ChoiceField(label=lazy("Role that does it"))
    due = build_day_field(lazy("Done by"))

    def prepare(self, site: str) -> None:
        super().prepare(site)
        set_choices(self, "owner", [(role, Role(role).label) for role in OWNERS])


class VerificationForm(_OnFindingForm):
    """Whether the action works, seen by another person than the one who answered."""

    records = FindingVerified
    recent = True
    title = lazy("Verification of a finding")

    effective = build_radio_field(
        lazy("Does it work"), ("yes", lazy("yes: the finding is closed")), ("no", lazy("no: it stays open"))
    )
    note = build_text_field(lazy("What was seen"), rows=3)

    def introduce(self, notes: Sequence[Notice]) -> StrPromise | str:
        """Return what was done about it."""
        answers = self.finding.answers
        return answers[-1].action if answers else super().introduce(notes)

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        return {"effective": self.cleaned_data["effective"] == "yes"}


class ConclusionForm(_WholeForm, AuditStepForm):
    """The auditor's conclusion on the whole."""

    records = AuditConcluded
    recent = True
    whole = True
    title = lazy("Conclusion")
    intro = lazy("After it nothing more is observed; findings are still answered and verified.")
    send = lazy("Conclude the audit")

    conclusion = build_radio_field(lazy("Conclusion"), *CONCLUSIONS)
    note = build_text_field(lazy("Remark, without a person’s name"), rows=3)

    def values(self, common: Mapping[str, Any]) -> dict[str, Any]:
        return {"audit": self.audit.opened.audit}


class SheetForm(forms.Form):
    """The sheet that was filled in off line."""

    sheet = forms.FileField(label=lazy("Sheet filled in (CSV)"))
