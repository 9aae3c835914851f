"""The forms of an incident room. Each keeps its own key: sent twice, it records once."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import build_text_field, build_time_field, set_choices
from releve.desk.live.event_form import EventForm
from releve.desk.live.words import ROLES
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.situation import (
    Event,
    IncidentClosed,
    IncidentDecided,
    IncidentNoted,
    IncidentReviewed,
    IncidentRoleTaken,
    IncidentTaskDone,
    IncidentTaskSet,
)

_LONGEST = 1000


class ActForm(EventForm):
    """A form of an act on an incident, which is also the prefix of fields to type in."""

    act: ClassVar[str] = ""

    def clean(self) -> dict[str, Any]:
        """Refuse a sending that names no act."""
        if not self.act:
            self.add_error(None, _("Choose what to do."))
        return super().clean() or {}


class OpenForm(ActForm):
    """The title and the site of an incident."""

    act = prefix = "open"
    title = forms.CharField(label=lazy("What it is about"), max_length=200)
    site = forms.ChoiceField(label=lazy("Site"), required=False)
    checklist = forms.BooleanField(
        label=lazy("Begin with the tasks of the usual checklist"), required=False, initial=True
    )
    field_order = ("site", "title", "checklist", "key")

    def offer(self, sites: list[tuple[str, str]], *, everywhere: bool) -> None:
        """Offer the sites, and the operator as a whole to who sees all of it."""
        whole = [("", _("the operator as a whole"))] if everywhere else []
        set_choices(self, "site", [*whole, *sites])
        self.fields["site"].required = not everywhere

    def open_room(self, stream: str, by: str) -> live.RecordResult | None:
        """Open the room that a valid form says; None where it is not, and the form says why."""
        found = self.cleaned_data
        write = translate_phrase if found["checklist"] else None
        return self.attempt(
            lambda: live.open_incident(
                stream, found["title"], found["site"], self.key_text, by=by, write=write
            )
        )


class DecisionForm(ActForm):
    """A decision and why."""

    act = prefix = "decide"
    records = IncidentDecided
    decision = build_text_field(lazy("Decision"), longest=_LONGEST, rows=2, required=True)
    reason = build_text_field(lazy("Why"), longest=_LONGEST, rows=2, required=True)


class TaskForm(ActForm):
    """A task, the role that owns it, and its time."""

    act = prefix = "task"
    records = IncidentTaskSet
    task = build_text_field(lazy("To do"), longest=_LONGEST, required=True)
    owner = forms.ChoiceField(label=lazy("Who does it"), choices=tuple(ROLES.items()))
    due = build_time_field(lazy("Done by"), lazy("Empty: no time is set."))


class FollowUpForm(TaskForm):
    """A task that follows from the review."""

    act = prefix = "follow_up"

    def build_event(self, **given: Any) -> Event:
        return super().build_event(**given, follow_up=True)


class NoteForm(ActForm):
    """A line of the log."""

    act = prefix = "note"
    records = IncidentNoted
    note = build_text_field(
        lazy("What happened, without a person’s name"), longest=_LONGEST, rows=2, required=True
    )


class CloseForm(ActForm):
    """The end of an incident."""

    act = prefix = "close"
    records = IncidentClosed
    note = build_text_field(lazy("Remark"), longest=_LONGEST)


class ReviewForm(ActForm):
    """The review: what went well, what went badly."""

    act = prefix = "review"
    records = IncidentReviewed
    well = build_text_field(lazy("What went well"), longest=_LONGEST, rows=4)
    badly = build_text_field(lazy("What went badly"), longest=_LONGEST, rows=4)


class RoleButton(ActForm):
    """A role taken: a button, with hidden fields of no prefix."""

    act = "take"
    records = IncidentRoleTaken
    role = forms.ChoiceField(
        choices=tuple(ROLES.items()),
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), lazy("There is no such role.")
        ),
    )


class TaskButton(ActForm):
    """A task done: a button, with hidden fields of no prefix."""

    act = "done"
    records = IncidentTaskDone
    task = forms.CharField(max_length=64)


FORMS: dict[str, type[ActForm]] = {
    form.act: form
    for form in (
        DecisionForm,
        TaskForm,
        NoteForm,
        CloseForm,
        ReviewForm,
        FollowUpForm,
        RoleButton,
        TaskButton,
    )
}
"""By act, those that a page of the room sends."""
