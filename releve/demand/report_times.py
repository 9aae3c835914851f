"""How the cells of an export write days and times of day: their shape, and the formats that read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime

from releve.demand.mapping import take_label_start

DAY_FORMS = {
    "%Y%m%d": r"20\d{6}",
    "%Y%d%m": r"20\d{6}",
    "%d%m%Y": r"\d{4}20\d\d",
    "%m%d%Y": r"\d{4}20\d\d",
    "%Y/%m/%d": r"20\d\d/\d\d?/\d\d?",
    "%Y.%m.%d": r"20\d\d\.\d\d?\.\d\d?",
    "%a, %d %b %Y": r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4}",
    "%b %d, %Y": r"[A-Z][a-z]{2} \d\d?, \d{4}",
    "%B %d, %Y": r"[A-Z][a-z]{2,8} \d\d?, \d{4}",
    "%d-%b-%Y": r"\d\d?-[A-Z][a-z]{2}-\d{4}",
    "%d-%b-%y": r"\d\d?-[A-Z][a-z]{2}-\d\d",
    "%d %b %Y": r"\d\d? [A-Z][a-z]{2} \d{4}",
    "%d %B %Y": r"\d\d? [A-Z][a-z]{2,8} \d{4}",
}
"""Days that are written otherwise than ISO or with signs between day, month and year."""
_NUMBERED = r"\d{4}-\d\d-\d\d|\d{1,2}(?P<s>[/.-])\d{1,2}(?P=s)(\d{4}|\d\d)"
_WRITTEN = "|".join((_NUMBERED, *DAY_FORMS.values()))
_SHAPES = {
    "clock": re.compile(
        r"\d{1,2}\s*[:hH]\s*(\d\d)?(:\d\d)?(\s*[AaPp][Mm])?|\d{3,4}|0[.,]\d+|1(899-12-3[01]|900-01-0[01])[T ].*"
    ),
    "day": re.compile(rf"({_WRITTEN})([T ]00:00(:00(\.0+)?)?)?|\d{{5}}"),
    "moment": re.compile(rf"({_WRITTEN})[ T]+(à\s*)?\d.*|(19|20)\d{{12}}|\d{{5}}[.,]\d+"),
}
_CLOCK = re.compile(r"\d\s*[:hH]\s*(?P<minute>[0-5]\d)?(?::(?P<second>[0-5]\d))?")
_DIGITS = re.compile(r"\d{1,2}(?P<minute>\d\d)(?P<second>)")
_SAMPLE = 400
_READ = 0.95
"""The share of cells that a format has to read: the others are faults of their rows."""


def find_shape(texts: Sequence[str]) -> str:
    """Return what cells are: ``moment``, ``day``, ``clock``, or nothing of that."""
    starts = [take_label_start(text) for text in texts[:2000]]
    return next((shape for shape, form in _SHAPES.items() if _count(form, starts) > len(starts) / 2), "")


def _count(form: re.Pattern[str], texts: Sequence[str]) -> int:
    return sum(form.fullmatch(text) is not None for text in texts)


def fit(form: str, texts: Sequence[str]) -> bool:
    """Return whether most texts are of a form."""
    return _count(re.compile(form), texts) > len(texts) / 2


def list_clocks(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return minute of the hour and second of each start."""
    found = (_CLOCK.search(text) or _DIGITS.fullmatch(text) for text in map(take_label_start, texts))
    return [(int(match["minute"] or 0), int(match["second"] or 0)) for match in found if match]


def find_clock_format(texts: Sequence[str]) -> str:
    """Return the strptime format of the times of day that texts end with."""
    if fit(r".*\d\s*[AaPp][Mm]", texts):
        seconds = ":%S" if fit(r".*\d:\d\d:\d\d\s*[AaPp][Mm]", texts) else ""
        return f"%I:%M{seconds} %p" if fit(r".*\d\s[AaPp][Mm]", texts) else f"%I:%M{seconds}%p"
    last = [text.split()[-1] for text in texts if text]
    if any(text.count(":") == 2 for text in last):
        return "%H:%M:%S"
    if fit(r"\d{3,4}", last):
        return "%H%M"
    return "%Hh%M" if any("h" in text.lower() for text in last) else "%H:%M"


def list_day_forms(texts: Sequence[str]) -> list[str]:
    """Return the forms of :data:`DAY_FORMS` that days (with a time of day after them or not) are written in.

    Where several read them, those whose days follow each other.
    """
    days = [match for text in dict.fromkeys(texts) if (match := re.match(_WRITTEN, text))][:_SAMPLE]
    read: dict[str, list[date]] = {}
    for form, shape in DAY_FORMS.items():
        found = [day for match in days if re.fullmatch(shape, match[0]) and (day := _parse_day(match[0], form))]
        if found and len(found) >= _READ * len(days):
            read[form] = found
    runs = [form for form, found in read.items() if is_run(found)]
    return runs if len(runs) == 1 else list(read)


def list_number_forms(texts: Sequence[str]) -> list[str]:
    """Return the forms of days whose numbers stand between signs: two where nothing tells day from month, none where
    most texts are otherwise."""
    found = (re.match(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)\b", text) for text in texts)
    parts = [match for match in found if match]
    if len(parts) <= len(texts) / 2:
        return []
    order = find_day_order([(int(part[1]), int(part[3]), int(part[4])) for part in parts])
    sep, year = parts[0][2], "%Y" if len(parts[0][4]) == 4 else "%y"
    forms = {"d/m": f"%d{sep}%m{sep}{year}", "m/d": f"%m{sep}%d{sep}{year}"}
    return [forms[order]] if order else list(forms.values())


def _parse_day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        return None


def is_run(days: Sequence[date]) -> bool:
    """Return whether several days follow each other with few gaps."""
    distinct = sorted(set(days))
    return len(distinct) > 1 and (distinct[-1] - distinct[0]).days < len(distinct) + 3


def find_day_order(parts: Sequence[tuple[int, int, int]]) -> str:
    """Return ``d/m`` or ``m/d`` of numbers between signs and their year, empty where nothing tells it.

    A part above 12 decides, else the days that follow each other.
    """
    if max(first for first, _, _ in parts) > 12:
        return "d/m"
    if max(second for _, second, _ in parts) > 12:
        return "m/d"
    distinct = set(parts)

    def runs(read: Callable[[int, int, int], date]) -> bool:
        return is_run([read(*one) for one in distinct])

    first, second = runs(lambda a, b, y: date(y, b, a)), runs(lambda a, b, y: date(y, a, b))
    return "" if first == second else "d/m" if first else "m/d"
