"""The forms of an incident room. Each keeps its own key: sent twice, it records once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.forms import KeyedForm, build_time_field
from releve.desk.incident.words import ROLES

__all__ = [
    "ActForm",
    "CloseForm",
    "DecisionForm",
    "FollowUpForm",
    "NoteForm",
    "OpenForm",
    "ReviewForm",
    "TaskForm",
]

_LONGEST = 1000


def _text_field(label: Any, *, rows: int = 2, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=_LONGEST,
        required=required,
        widget=forms.Textarea({"rows": rows}),
    )


class ActForm(KeyedForm):
    """A form of an act on an incident, which is also the prefix of its fields."""

    act = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("prefix", self.act)
        super().__init__(*args, **options)


class OpenForm(ActForm):
    """The title and the site of an incident."""

    act = "open"
    title = forms.CharField(label=lazy("What it is about"), max_length=200)
    site = forms.ChoiceField(label=lazy("Site"), required=False)
    field_order = ("site", "title", "key")

    def offer(self, sites: list[tuple[str, str]], *, everywhere: bool) -> None:
        """Offer the sites, and the operator as a whole to who sees all of it."""
        field = self.fields["site"]
        assert isinstance(field, forms.ChoiceField)
        whole = [("", _("the operator as a whole"))] if everywhere else []
        field.choices = [*whole, *sites]
        field.required = not everywhere


class DecisionForm(ActForm):
    """A decision and why."""

    act = "decide"
    decision = _text_field(lazy("Decision"))
    reason = _text_field(lazy("Why"))
    field_order = ("decision", "reason", "key")


class TaskForm(ActForm):
    """A task, the role that owns it, and its time."""

    act = "task"
    task = forms.CharField(label=lazy("To do"), max_length=_LONGEST)
    owner = forms.ChoiceField(label=lazy("Who does it"), choices=tuple(ROLES.items()))
    due = build_time_field(lazy("Done by"), lazy("Empty: no time is set."))
    field_order = ("task", "owner", "due", "key")


class FollowUpForm(TaskForm):
    """A task that follows from the review."""

    act = "follow_up"


class NoteForm(ActForm):
    """A line of the log."""

    act = "note"
    note = _text_field(lazy("What happened, without a person’s name"))
    field_order = ("note", "key")


class CloseForm(ActForm):
    """The end of an incident."""

    act = "close"
    note = forms.CharField(label=lazy("Remark"), max_length=_LONGEST, required=False)
    field_order = ("note", "key")


class ReviewForm(ActForm):
    """The review: what went well, what went badly."""

    act = "review"
    well = _text_field(lazy("What went well"), rows=4, required=False)
    badly = _text_field(lazy("What went badly"), rows=4, required=False)
    field_order = ("well", "badly", "key")
