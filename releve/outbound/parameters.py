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


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or value < 0:
        raise ValueError(f"{value!r} is not a number from 0 up")
    return float(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _word(value: Any) -> str:
    if type(value) is not str or not value:
        raise ValueError(f"{value!r} is not a word")
    return value


def _words(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of words")
    return frozenset(map(_word, value))


def _days(value: Any) -> Any:
    if not isinstance(value, dict):
        return parse_day_rules(tuple(sorted(_words(value))))
    names = [(_word(rule), _name(rule, name)) for rule, name in sorted(value.items())]
    return parse_day_rules(tuple(rule for rule, _ in names), tuple(names))


def _name(rule: str, value: Any) -> Words:
    if not isinstance(value, dict) or set(value) != {"fr", "en"}:
        raise ValueError(f"the name of {rule!r} is not said in both languages")
    return Words(_word(value["fr"]), _word(value["en"]))


def _mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{value!r} is not a mapping")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "count": _count,
    "number": _number,
    "flag": _flag,
    "word": _word,
    "row": _word,
    "words": _words,
    "week": lambda value: parse_windows(_mapping(value)),
    "days": _days,
    "days-by-place": lambda value: {_word(k): _days(v) for k, v in _mapping(value).items()},
    "minutes": lambda value: {_word(k): _count(v) for k, v in _mapping(value).items()},
}
