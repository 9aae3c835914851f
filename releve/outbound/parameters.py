"""The values of a row's parameters, read from YAML and refused when they are nonsense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from releve.outbound.holidays import parse_day_rules
from releve.outbound.hours import parse_windows
from releve.outbound.legal_rows import Words
from releve.outbound.rule_kinds import Parameter

__all__ = ["read_parameter"]


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
    "days-by-place": lambda value: {
        _read_word(k): _read_days(v) for k, v in _read_mapping(value).items()
    },
    "minutes": lambda value: {
        _read_word(k): _read_count(v) for k, v in _read_mapping(value).items()
    },
}
