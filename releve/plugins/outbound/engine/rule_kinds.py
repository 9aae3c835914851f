"""The kinds of rules: which parameters a row of each kind takes, and what its sentence may quote.

A new rule of a known kind is a new row; only a new *kind* is code. Parameters are read from YAML,
checked, and written as JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from releve.plugins.outbound.engine.hours import HolidayRules, parse_day_rules, parse_windows
from releve.plugins.outbound.engine.legal_rows import LegalRow, Words, list_source_numbers
from releve.plugins.outbound.engine.vocabulary import get_vocabulary

GATES = ("H", "P", "I", "N")
SURE = ("P", "Pq", "S2", "S", "M", "I")
DATA = ("number", "zone", "person", "object", "caller", "consent", "stale", "jurisdiction", "word", "sector")
"""What may be unknown."""

Type = Literal["count", "number", "flag", "word", "words", "week", "days", "days-by-place", "minutes", "row"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its type, whether a row must give it, and the words it may hold (if closed)."""

    type: Type
    required: bool = True
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rule. ``role``: test (can fail), lift (an exception), definition or text."""

    role: Literal["test", "lift", "definition", "text"]
    parameters: dict[str, Parameter]
    quotes: frozenset[str] = frozenset()


def _build_test_kind(parameters: dict[str, Parameter], *quotes: str) -> Kind:
    return Kind("test", parameters, frozenset(quotes))


_LIST = Parameter("word", of=get_vocabulary("list").ids)
_FLAG = Parameter("flag")
_OPTIONAL_FLAG = Parameter("flag", required=False)
_COUNT = Parameter("count")
_OPTIONAL_COUNT = Parameter("count", required=False)
_WORDS = Parameter("words")
_ITEMS = Parameter("words", of=get_vocabulary("item").ids)
_NO_REFUSALS = Parameter("words", of=("not-now",))
_OPTIONAL_REFUSALS = Parameter("words", required=False, of=get_vocabulary("refusal-kind").ids)
_OBJECTS = Parameter("words", of=get_vocabulary("object").ids)
_OUTCOMES = Parameter("words", of=get_vocabulary("outcome").ids)
_ACTS = Parameter("words", of=get_vocabulary("act").ids)
_CALLEES = Parameter("words", of=get_vocabulary("person-kind").ids)
_PURPOSES = Parameter("words", of=get_vocabulary("purpose").ids)

KINDS: dict[str, Kind] = {
    # releve.plugins.outbound.engine.judged_call, releve.plugins.outbound.engine.checks
    "scope": Kind("definition", {"callees": _CALLEES, "purposes": _PURPOSES}),
    "object_match": Kind("definition", {"reach": Parameter("word", of=("nature", "family"))}),
    "data": _build_test_kind(
        {"what": Parameter("word", of=DATA), "max_minutes": Parameter("minutes", required=False)},
        "detail",
        "consent",
        "registers",
        "minutes",
        "unknown",
        "place",
        "similar",
        "vocabulary",
    ),
    "duty": Kind("text", {}),
    "note": Kind("text", {}),
    # releve.plugins.outbound.engine.checks
    "forbidden_object": _build_test_kind({"objects": _OBJECTS}, "object"),
    "list_opposition": _build_test_kind({"list": _LIST}, "list", "since"),
    "scrub": _build_test_kind({"list": _LIST, "days": _COUNT}, "list", "days", "scrubbed"),
    "automated_consent": _build_test_kind({}, "mode"),
    # releve.plugins.outbound.engine.exceptions
    "consent_required": _build_test_kind({}, "coarse"),
    "consent_proof": _build_test_kind({}, "consent"),
    "consent_items": _build_test_kind({"items": _ITEMS, "not_positive": _ACTS}, "consent", "missing"),
    "consent_period": _build_test_kind({"days": _OPTIONAL_COUNT, "years": _OPTIONAL_COUNT}, "consent", "given", "last"),
    "consent_object": _build_test_kind({"tolerance_minutes": _COUNT}, "consent", "outside"),
    "consent_withdrawal": _build_test_kind({}, "consent", "withdrawn"),
    "consent_refusal": _build_test_kind({"not_counted": _NO_REFUSALS}, "consent", "refused"),
    # releve.plugins.outbound.engine.exceptions
    "exception_contract": Kind("lift", {"running": _FLAG, "related": _FLAG, "ended_within_days": _COUNT}),
    "exception_object": Kind("lift", {"objects": _OBJECTS}),
    "exception_callback": Kind(
        "lift",
        {
            "working_days": _COUNT,
            "holidays": Parameter("row"),
            "named_for": Parameter("words", required=False, of=get_vocabulary("object").ids),
            "made_in_call": _FLAG,
        },
    ),
    "exception_request": Kind("lift", {"days": _COUNT}),
    "exception_consent": Kind("lift", {"after_listing": _FLAG}),
    "exception_slot": Kind("lift", {"tolerance_minutes": _COUNT, "widest_minutes": _COUNT}),
    # releve.plugins.outbound.engine.checks
    "holidays": Kind("definition", {"days": Parameter("days")}),
    "hours": _build_test_kind(
        {"windows": Parameter("week"), "holidays": Parameter("row", required=False)},
        "territory",
        "local",
        "why",
        "hours",
        "opens",
    ),
    "local_holidays": _build_test_kind({"days": Parameter("days-by-place")}, "territory", "day", "holiday", "unsure"),
    # releve.plugins.outbound.engine.checks
    "cap": _build_test_kind(
        {
            "most": _COUNT,
            "days": _OPTIONAL_COUNT,
            "hours": _OPTIONAL_COUNT,
            "purposes": Parameter("words", required=False, of=get_vocabulary("purpose").ids),
        },
        "count",
        "most",
        "attempts",
        "days",
        "hours",
        "again",
    ),
    "silence": _build_test_kind(
        {
            "not_counted": _NO_REFUSALS,
            "only": _OPTIONAL_REFUSALS,
            "days": _OPTIONAL_COUNT,
            "until_consent": _OPTIONAL_FLAG,
        },
        "refused",
        "days",
        "again",
    ),
    "pause": _build_test_kind({"hours": _COUNT, "outcomes": _OUTCOMES}, "last", "hours", "again"),
    "abandoned_rate": _build_test_kind({"most_percent": Parameter("number")}, "rate", "most"),
    # releve.plugins.outbound.engine.checks
    "caller_shown": _build_test_kind({}),
    "caller_mandate": _build_test_kind({}, "caller"),
    "caller_link": _build_test_kind({"classes": _WORDS}, "caller"),
    "caller_class": _build_test_kind(
        {"classes": _WORDS, "unless_mobile_terminal": _OPTIONAL_FLAG}, "caller_class", "mode"
    ),
    "authentication": _build_test_kind(
        {"classes": _WORDS, "abroad": _OPTIONAL_FLAG, "unknown": Parameter("word", of=("passes", "refuses"))}, "origin"
    ),
}


def read_parameter(parameter: Parameter, value: Any) -> Any:
    """Return a parameter as the code uses it; ValueError says what is wrong with it."""
    found = _READERS[parameter.type](value)
    if parameter.of:
        words = found if isinstance(found, frozenset) else {found}
        strange = sorted(words - set(parameter.of))
        if strange:
            raise ValueError(f"{', '.join(strange)} is not one of {', '.join(parameter.of)}")
    return found


def _read_count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


def _read_number(value: Any) -> float:
    if type(value) not in (int, float) or value < 0:
        raise ValueError(f"{value!r} is not a number from 0 up")
    return float(value)


def _read_flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _read_word(value: Any) -> str:
    if type(value) is not str or not value:
        raise ValueError(f"{value!r} is not a word")
    return value


def _read_words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of words")
    return frozenset(map(_read_word, value))


def _read_days(value: Any) -> Any:
    if not isinstance(value, dict):
        return parse_day_rules(tuple(sorted(_read_words(value))))
    names = [(_read_word(rule), _read_name(rule, name)) for rule, name in sorted(value.items())]
    return parse_day_rules(tuple(rule for rule, _ in names), tuple(names))


def _read_name(rule: str, value: Any) -> Words:
    if not isinstance(value, dict) or set(value) != {"fr", "en"}:
        raise ValueError(f"the name of {rule!r} is not said in both languages")
    return Words(_read_word(value["fr"]), _read_word(value["en"]))


def _read_mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{value!r} is not a mapping")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "count": _read_count,
    "number": _read_number,
    "flag": _read_flag,
    "word": _read_word,
    "row": _read_word,
    "words": _read_words,
    "week": lambda value: parse_windows(_read_mapping(value)),
    "days": _read_days,
    "days-by-place": lambda value: {_read_word(k): _read_days(v) for k, v in _read_mapping(value).items()},
    "minutes": lambda value: {_read_word(k): _read_count(v) for k, v in _read_mapping(value).items()},
}


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def row_to_json(row: LegalRow) -> dict[str, Any]:
    """Return a row as data, its parameters as they are written in the table."""
    words = {"rule": row.rule, "refuses": row.refuses, "remedy": row.remedy, "doubt": row.doubt}
    applies = row.applies
    binds = {
        "callees": applies.callees, "purposes": applies.purposes, "modes": applies.modes,
        "objects": applies.objects, "channels": applies.channels, "places": applies.places,
        "except_places": applies.except_places or None, "clients": applies.clients,
        "except_clients": applies.except_clients or None,
    }  # fmt: skip
    return {
        "id": row.id,
        "version": row.version,
        "jurisdiction": row.jurisdiction,
        "gate": row.gate,
        "kind": row.kind,
        "from": row.first and row.first.isoformat(),
        "to": row.last and row.last.isoformat(),
        "parameters": {name: _plain_value(value) for name, value in row.parameters.items()},
        "applies": {name: sorted(value) for name, value in binds.items() if value is not None},
        "regulated_calls_only": applies.regulated,
        "exceptions": list(row.exceptions),
        "sanction": list(row.sanction),
        "text": row.reference,
        "sources": list(list_source_numbers(row.source)),
        "sure": list(row.sure),
        "unsure": row.unsure,
        **{name: said and {"fr": said.fr, "en": said.en} for name, said in words.items()},
    }


def format_minutes(minutes: int) -> str:
    """Return a minute of the day as ``08:30``."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _plain_value(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _plain_value(one) for key, one in value.items()}
    if isinstance(value, HolidayRules):
        fixed = [f"{month:02d}-{day:02d}" for month, day in value.fixed]
        return fixed + [f"easter{days:+d}" if days else "easter" for days in value.from_easter]
    if isinstance(value, tuple):
        spans = [[f"{format_minutes(start)}-{format_minutes(end)}" for start, end in day] for day in value]
        return dict(zip(_DAYS, spans, strict=True))
    return value
