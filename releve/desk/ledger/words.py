"""Entries of the ledger in the reader's language: kinds, streams, fields, values, who acted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from django.template import Library
from django.utils.translation import gettext as _

from releve.accounts.entry_reach import EntryView
from releve.desk.text import Text, text_now
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.ledger.disclosure import iter_values
from releve.ledger.labels import FIELD_LABELS, KIND_LABELS, STREAM_LABELS
from releve.network import Operator
from releve.situation import find_happening, measure_entry_delay

register = Library()


def translate_kind(kind: str) -> str:
    """Return what an entry of a kind says happened; the kind itself where there is no word."""
    return _(KIND_LABELS[kind]) if kind in KIND_LABELS else kind


@register.filter
def entry_word(entry: EntryView) -> str:
    """Return what happened, as far as it is shown."""
    return _("Entry about a person") if entry.about_person else translate_kind(entry.kind)


def describe_late_record(happened: datetime | date, text: Text) -> str:
    """Return of when something is that was recorded late."""
    if isinstance(happened, datetime):
        return _("(recorded late: it happened on {when})").format(when=text.moment(happened))
    return _("(recorded late: it is of {day})").format(day=text.day(happened))


@register.filter
def late_entry(entry: EntryView, operator: Operator | None) -> str:
    """Return of when an entry is that was recorded late; empty where it was in time."""
    if operator is None or not entry.happened or entry.recorded_at is None:
        return ""
    body = {"happened_at": entry.happened, "day": entry.day or None, "site": entry.site}
    if not measure_entry_delay(body, datetime.fromisoformat(entry.recorded_at), operator):
        return ""
    return describe_late_record(find_happening(body), text_now(operator.row.time_zone))


@register.filter
def kind_choices(kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Return kinds in the order of their words."""
    return sorted(((kind, translate_kind(kind)) for kind in kinds), key=lambda row: row[::-1])


@register.filter("field_word")
def translate_field(name: str) -> str:
    """Return the label of a field, of the last name of a path."""
    last = name.rpartition(".")[2]
    return _(FIELD_LABELS[last]) if last in FIELD_LABELS else last


@register.filter
def field_value(value: Any, time_zone: str) -> str:
    """Return the value of a field: instants in words, any other text as it is."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return " · ".join(field_value(item, time_zone) for item in value)
    if isinstance(value, dict):
        rows = iter_values(value)
        return ", ".join(f"{translate_field(k)} {field_value(v, time_zone)}" for k, v in rows)
    if isinstance(value, float):
        return text_now(time_zone).plain(value)
    text = str(value)
    if len(text) >= 20 and text[4:5] == "-" and text.endswith(("Z", "+00:00")):
        with suppress(ValueError):
            return text_now(time_zone).moment(datetime.fromisoformat(text))
    return text


@register.filter("stream_word")
def translate_stream(stream: str) -> str:
    """Return what a stream is called."""
    kind, _colon, number = stream.partition(":")
    if kind == "drill":
        return _("Drill {number}").format(number=number)
    return _(STREAM_LABELS[stream]) if stream in STREAM_LABELS else stream


@register.filter("actor")
def translate_actor(actor: str) -> str:
    """Return who acted: a user, or a rule."""
    if actor.startswith("rule:"):
        return _("rule {rule}").format(rule=actor.removeprefix("rule:"))
    if actor.startswith(ACCOUNT_PREFIX):
        return _("a former user, whose name was erased")
    return actor
