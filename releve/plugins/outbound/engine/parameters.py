"""The parameters of a row: read from YAML and checked, and written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from releve.plugins.outbound.engine.hours import HolidayRules, parse_day_rules, parse_windows
from releve.plugins.outbound.engine.legal_rows import LegalRow, Words, list_source_numbers
from releve.plugins.outbound.engine.rule_kinds import Parameter


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
