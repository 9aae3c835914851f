"""The base of all events, and their fields: declared once, validated when constructed.

An event kind is a subclass. Its class variables give its name, label, permission, and the family
and subject under which it folds into the situation; each field gives its meaning, its permitted
values, and whether it concerns a person. The codec, the refusals, the ledger's commitments and the
documentation read these declarations, so no page can show a personal field as harmless.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from releve.errors import Phrase
from releve.network import UTC, Condition


@dataclass(frozen=True, slots=True)
class EventField:
    """One documented field of an event.

    ``personal``: concerns a person, is kept beside the ledger and may be erased; it is then read
    back as its default. ``health``: concerns a person's health, or counts people by it;
    shown to the health officer alone.
    """

    name: str
    type: Any
    doc: str
    example: str
    required: bool
    default: Any
    condition: Condition
    personal: bool
    health: bool


def event_field(
    doc: str,
    *,
    example: str = "",
    default: Any = dataclasses.MISSING,
    personal: bool = False,
    health: bool = False,
    at_least: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
) -> Any:
    """Declare a field; without ``default`` a value is required.

    A personal field has a default, read back once its value is erased.
    """
    if personal and default is dataclasses.MISSING:
        raise ValueError(f"a personal field has a default, got none for {doc!r}")
    metadata = {
        "doc": doc,
        "example": example,
        "condition": Condition(at_least=at_least, at_most=at_most, one_of=one_of),
        "personal": personal,
        "health": health,
    }
    return dataclasses.field(default=default, metadata=metadata)


def find_date_fault(value: object) -> Phrase | None:
    """Return why a day or a time is refused, or None: it lies in 2000 to 2199.

    A mistyped year may not lead to dates beyond those of the calendar.
    """
    if isinstance(value, date) and not 2000 <= value.year < 2200:
        return Phrase("must lie between the years 2000 and 2199")
    return None


_KNOWN: dict[type, tuple[EventField, ...]] = {}


def list_fields(row: type) -> tuple[EventField, ...]:
    """Return the declared fields of an event class, or of a part of one, in order."""
    if row not in _KNOWN:
        _KNOWN[row] = _read_declarations(row)
    return _KNOWN[row]


def _read_declarations(row: type) -> tuple[EventField, ...]:
    hints = get_type_hints(row)
    return tuple(
        EventField(
            name=field.name,
            type=hints[field.name],
            required=field.default is dataclasses.MISSING,
            default=None if field.default is dataclasses.MISSING else field.default,
            **field.metadata,
        )
        for field in dataclasses.fields(row)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of the events: every instance satisfies the conditions of its fields.

    ValueError quotes the condition and the value. Times are aware and kept in UTC. ``label`` and
    ``headline`` are English sources of the desk's French catalogue.
    """

    kind: ClassVar[str]
    """Name in the ledger, the API and ``KINDS``."""
    label: ClassVar[str]
    """The event as one line in a list of the ledger."""
    headline: ClassVar[str] = ""
    """Sentence of the timeline, with ``{site}`` and ``{actor}``; empty = not shown there."""
    permission: ClassVar[str]
    """Permission that recording it takes."""
    family: ClassVar[str] = ""
    """Family of subjects in which it folds (``situation.FAMILIES``); a correction has none."""
    about: ClassVar[tuple[str, ...]] = ("site",)
    """Fields that name its subject within the family."""
    doc: ClassVar[str]
    """Its documentation, in English."""

    id: str = event_field("Name of the event, its own for ever; a correction names it", example="8f2c…")
    happened_at: datetime = event_field("When it happened, UTC", example="2026-11-30T08:12:00Z")
    recorded_at: datetime = event_field("When it was recorded, UTC", example="2026-11-30T08:15:02Z")
    actor: str = event_field("Who recorded it: a user, or `rule:` and the rule's id", example="samira")

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                if value.tzinfo is None:
                    raise ValueError(f"{self.kind}.{field.name} has an offset, got {value!r}")
                object.__setattr__(self, field.name, value.astimezone(UTC))
            reason = find_date_fault(value)
            if value != field.default:
                reason = reason or field.condition.fault(value)
            if reason is not None:
                raise ValueError(f"{self.kind}.{field.name} {reason}, got {value!r}")

    @property
    def subject(self) -> tuple[str, ...]:
        """The subject within its family, such as (site, day)."""
        values = (getattr(self, name) for name in self.about)
        return tuple(v.isoformat() if isinstance(v, date) else v for v in values)

    @property
    def person(self) -> str:
        """Pseudonym of the agent it is about; empty when it is about none."""
        return str(getattr(self, "agent", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureFinding:
    measure: str = event_field("Measure of the charter", example="ventilation")
    verdict: str = event_field(
        "What was found", example="kept", one_of=("kept", "partly", "not_kept", "not_applicable")
    )
    note: str = event_field("In words, without a person's name", example="Filters changed", default="")

    def __post_init__(self) -> None:
        for field in list_fields(type(self)):
            reason = field.condition.fault(getattr(self, field.name))
            if reason is not None:
                raise ValueError(f"finding.{field.name} {reason}, got {getattr(self, field.name)!r}")


LONGEST_TEXT = 4000
"""Characters of one text; a longer one belongs in a document that is named by its digest."""
LONGEST_LIST = 100_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One fault of a mapping: the field (dotted inside lists), its value, what and how to mend.

    ``code`` is one of: field.missing, field.unknown, field.type, field.value, field.own.
    """

    field: str
    value: str
    reason: str
    fix: str
    code: str = "field.value"

    def __str__(self) -> str:
        value = f" {self.value}" if self.value else ""
        return f"{self.field}{value}: {self.reason}; {self.fix}"


def fields_to_json(row: Any) -> dict[str, Any]:
    """Return the declared fields of a value: times in UTC with ``Z``, days ISO, missing null."""
    return {field.name: _to_json(getattr(row, field.name)) for field in list_fields(type(row))}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    return fields_to_json(value) if dataclasses.is_dataclass(value) else value


def read_fields(
    row: type, mapping: Any, prefix: str, faults: list[FieldFault], own: Container[str] = ()
) -> dict[str, Any]:
    """Return the declared fields of ``row`` from a mapping; faults are added to ``faults``.

    ``prefix`` is put before the names of the fields in the faults. Days and times may be texts or
    values already. Fields of ``own`` are proposed to no sender: the caller sets them.
    """
    if not isinstance(mapping, Mapping):
        place = prefix.rstrip(".") or "all"
        reason, fix = Phrase("is not an object"), Phrase("write an object")
        faults.append(FieldFault(place, _shorten(mapping), reason, fix, "field.type"))
        return {}
    known = {field.name: field for field in list_fields(row)}
    for name in mapping:
        if name not in known:
            fix = Phrase("leave it out or write one of {0}", ", ".join(one for one in known if one not in own))
            reason = Phrase("is no field of this kind")
            faults.append(FieldFault(f"{prefix}{name}", "", reason, fix, "field.unknown"))
    values = {}
    for name, field in known.items():
        if name in mapping:
            values[name] = _read_field(field, mapping[name], f"{prefix}{name}", faults)
        elif field.required:
            fix = Phrase("give it, such as {0}", field.example) if field.example else Phrase("give it")
            faults.append(FieldFault(f"{prefix}{name}", "", Phrase("is missing"), fix, "field.missing"))
    return values


def _read_field(field: EventField, value: Any, place: str, faults: list[FieldFault]) -> Any:
    types = get_args(field.type) or (field.type,)
    if get_origin(field.type) is tuple:
        return _read_list(types[0], value, place, faults)
    if value is None and NoneType in types:
        return None
    wanted = next(type_ for type_ in types if type_ is not NoneType)
    (read, reason), code = _read_plain(wanted, value), "field.type"
    if reason is None and read != field.default:
        reason, code = field.condition.fault(read) or find_date_fault(read), "field.value"
    if reason is not None:
        fix = Phrase("write it such as {0}", field.example) if field.example else Phrase("mend it")
        faults.append(FieldFault(place, _shorten(value), reason, fix, code))
    return read


def _read_list(item: type, value: Any, place: str, faults: list[FieldFault]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > LONGEST_LIST:
        reason = Phrase("is not a list of at most {0} items", LONGEST_LIST)
        faults.append(FieldFault(place, _shorten(value), reason, Phrase("write a list"), "field.type"))
        return ()
    read = []
    for number, one in enumerate(value):
        if dataclasses.is_dataclass(item):
            before = len(faults)
            values = read_fields(item, one, f"{place}.{number}.", faults)
            read += [item(**values)] if len(faults) == before else []
            continue
        text, fault = _read_plain(item, one)
        if fault is not None:
            faults.append(FieldFault(f"{place}.{number}", _shorten(one), fault, Phrase("write a text"), "field.type"))
        read.append(text)
    return tuple(read)


def _read_plain(wanted: type, value: Any) -> tuple[Any, Phrase | None]:
    """Return a JSON value as ``wanted`` and None, or why it is not one."""
    if wanted is datetime:
        return _read_time(value)
    if wanted is date:
        return _read_day(value)
    if wanted is bool:
        return value, None if isinstance(value, bool) else Phrase("is neither true nor false")
    if wanted is int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value, None if whole else Phrase("is not a whole number")
    if wanted is float:
        return _read_number(value)
    return value, _text_fault(value)


def _read_number(value: Any) -> tuple[Any, Phrase | None]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value, Phrase("is not a number")
    try:
        return float(value), None
    except OverflowError:
        return value, Phrase("is too large a number")


def _text_fault(value: Any) -> Phrase | None:
    if not isinstance(value, str):
        return Phrase("is not a text")
    if len(value) > LONGEST_TEXT:
        return Phrase("has {0} characters, more than {1}", len(value), LONGEST_TEXT)
    return Phrase("holds control characters") if _CONTROL.search(value) else None


def _read_time(value: Any) -> tuple[Any, Phrase | None]:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if time.tzinfo is None:
            return value, Phrase("has no offset from UTC")
        return time.astimezone(UTC), None
    except (TypeError, ValueError, OverflowError):
        return value, Phrase("is not an ISO 8601 time")


def _read_day(value: Any) -> tuple[Any, Phrase | None]:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value, None
    try:
        return date.fromisoformat(value), None
    except (TypeError, ValueError):
        return value, Phrase("is not an ISO 8601 day")


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
