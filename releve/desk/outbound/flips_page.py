"""What a change of the rules would do to calls that wait, for a page: nothing is loaded."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.campaign.rule_trial import try_rules, try_rules_on_tables
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.gate.current_rules import load_current_rules, load_current_texts
from releve.gate.db_clock import read_clock
from releve.outbound import OutboundError, load_rules
from releve.outbound.rule_impact import CALL_COLUMNS, Flip, read_calls

MOST_BYTES = 5_000_000
MOST_CALLS = 2_000
"""The most calls judged within a request; the command takes more."""
MOST_RECORDED = 500
"""The same, where each takes a look into the database."""
_MOST_SHOWN = 200


class FlipsForm(forms.Form):
    """The calls that wait, the rows that would change, and what is known about the people."""

    calls = forms.FileField()
    rows = forms.FileField()
    facts = forms.FileField(required=False)

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        labels = {
            "calls": (_("Calls that wait (CSV)"), ".csv",
                      _("Columns: {names}.").format(names=", ".join(CALL_COLUMNS))),
            "rows": (_("Rows that add, close or amend (YAML)"), ".yaml,.yml",
                     _("As they would be added to the table; nothing is loaded.")),
            "facts": (_("What is known (zip of the tables of facts)"), ".zip",
                      _("Without it, what is recorded here is taken; that it was looked at is "
                        "recorded.")),
        }  # fmt: skip
        for name, (label, accept, help_text) in labels.items():
            field = self.fields[name]
            field.label, field.help_text = label, help_text
            field.widget.attrs["accept"] = accept

    def clean(self) -> dict[str, Any]:
        """Refuse what is too large to be judged within a request."""
        found = super().clean() or self.cleaned_data
        for name, file in found.items():
            if isinstance(file, UploadedFile) and (file.size or 0) > MOST_BYTES:
                self.add_error(name, say_too_large())
        return found


def say_too_large() -> str:
    """Return what to do with a file that is larger than MOST_BYTES."""
    return _("This file is larger than 5 MB; use the command.")


@dataclass(frozen=True, slots=True)
class FlipView:
    """One call that would flip."""

    name: str
    when: str
    number: str
    direction: str
    word: str
    before: str
    after: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlipsOutcome:
    """What the change would do: in numbers, then call by call."""

    asked: str
    counts: tuple[tuple[str, str], ...]
    flips: tuple[FlipView, ...]
    more: str
    found: tuple[Flip, ...]


@dataclass(frozen=True, slots=True)
class FlipsPage:
    """The form, and the outcome or the faults of what was sent."""

    form: FlipsForm
    outcome: FlipsOutcome | None
    faults: tuple[str, ...]


def run_flips(form: FlipsForm, text: Text, *, by: str) -> FlipsOutcome | tuple[str, ...]:
    """Return what the change would do, or what is wrong with the files."""
    try:
        data = {name: file.read() for name, file in form.cleaned_data.items() if file}
        calls = read_calls(data["calls"])
        most = MOST_CALLS if "facts" in data else MOST_RECORDED
        if not calls or len(calls) > most:
            limit = text.number(most)
            return (
                _("One call at least and {limit} at most are judged here.").format(limit=limit),
            )
        name = f"~{form.cleaned_data['rows'].name}"
        changed = load_rules({**load_current_texts(), name: data["rows"].decode("utf-8")})
        if "facts" in data:
            found = try_rules_on_tables(calls, data["facts"], load_current_rules(), changed)
        else:
            found = try_rules(calls, load_current_rules(), changed, read_clock(), by=by)
    except (OutboundError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        return tuple(str(error).split("\n"))
    return _build_outcome(len(calls), found, text)


def _build_outcome(asked: int, found: tuple[Flip, ...], text: Text) -> FlipsOutcome:
    count = Counter(flip.direction for flip in found)
    counts = [(word, text.number(count[name])) for name, word in _count_directions().items()]
    rest = len(found) - _MOST_SHOWN
    more = ngettext("{count} more call is not shown.", "{count} more calls are not shown.", rest)
    return FlipsOutcome(
        text.number(asked),
        tuple(counts),
        tuple(_build_flip_view(flip, text) for flip in found[:_MOST_SHOWN]),
        more.format(count=text.number(rest)) if rest > 0 else "",
        found,
    )


def _count_directions() -> dict[str, str]:
    return {
        "refused": _("Would be refused"),
        "allowed": _("Would be allowed"),
        "moved": _("Refused by other rows"),
    }


def _build_flip_view(flip: Flip, text: Text) -> FlipView:
    gained = {version: f for f in flip.after.findings if (version := f.row.version) in flip.gained}
    return FlipView(
        name=flip.call.id or "—",
        when=when(flip.call.at, text),
        number=flip.before.number,
        direction=flip.direction,
        word=_count_directions()[flip.direction],
        before=", ".join(flip.before.rules) or _("allowed"),
        after=", ".join(flip.after.rules) or _("allowed"),
        why=tuple(finding.explains(text.language) for finding in gained.values()),
    )
