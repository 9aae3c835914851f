"""Checks of legal rows: each by itself, then all of them together."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date
from itertools import combinations

from releve.network.faults import find_nearest, suggest_fix
from releve.outbound.errors import LegalRowFault
from releve.outbound.legal_rows import LegalRow, Territory
from releve.outbound.numbers import NumberTable
from releve.outbound.rule_kinds import KINDS, SURE

__all__ = ["Say", "build_reporter", "check_row", "check_table"]

Say = Callable[[str, str], None]
"""Takes a reason and a fix."""


def build_reporter(faults: list[LegalRowFault], name: str, row: str) -> Say:
    """Return what notes faults of one row of a file."""
    return lambda reason, fix: faults.append(LegalRowFault(name, row, reason, fix))


def check_row(row: LegalRow, say: Say) -> None:
    """Check what a row can tell alone: its gate, its kind, what its sentence quotes."""
    kind = KINDS[row.kind]
    strange = set(row.sure) - set(SURE)
    if strange or not row.sure:
        say(f"sure {sorted(strange)} unknown", f"write a list of {', '.join(SURE)}")
    if (row.gate == "N") is not (row.kind == "note"):
        say(f"gate {row.gate} does not fit kind {row.kind}", "a note is N, and only a note is")
    if row.gate == "I" and kind.role != "text":
        say(f"gate I does not fit kind {row.kind}", "a duty is of kind duty")
    if (kind.role == "test") is (row.refuses is None):
        say("refuses does not fit its kind", "a kind that can refuse says so, the others do not")
    if row.kind == "cap" and ("days" in row.parameters) is ("hours" in row.parameters):
        say("a cap has either days or hours", "give one of them")
    if row.kind == "consent_period" and ("days" in row.parameters) is ("years" in row.parameters):
        say("a period has either days or years", "give one of them")
    if row.unsure and row.doubt is None and "M" in row.sure:
        say("from memory only, and without a doubt", "write doubt:")
    if row.gate != "P" and (row.applies.clients is not None or row.applies.except_clients):
        say("a row that is no policy names clients", "the text binds every client: remove them")
    if row.remedy is not None and row.refuses is None:
        say("remedy does not fit its kind", "only a kind that can refuse has one: remove it")
    for key, text in [(k, t) for k in ("refuses", "remedy") for t in getattr(row, k) or ()]:
        unknown = {name for _, name, _, _ in string.Formatter().parse(text) if name} - kind.quotes
        if unknown:
            known = ", ".join(sorted(kind.quotes)) or "nothing"
            say(f"{key} quotes {sorted(unknown)}", f"a row of kind {row.kind} knows {known}")


def check_table(
    rows: list[LegalRow],
    territories: list[Territory],
    numbers: NumberTable,
    faults: list[LegalRowFault],
) -> None:
    """Check what one row cannot tell alone: overlaps, and names of other rows and places."""
    codes = {territory.code for territory in territories}
    classes = numbers.classes()
    for row in rows:
        say = build_reporter(faults, row.file, row.id)
        near = [other for other in rows if other.jurisdiction == row.jurisdiction]
        lifts = {other.id for other in near if KINDS[other.kind].role == "lift"}
        for wanted in set(row.exceptions) - lifts:
            say(
                f"its exception {wanted} is no row that lifts",
                suggest_fix(find_nearest(wanted, lifts), "add it"),
            )
        named = row.parameters.get("holidays")
        calendars = {other.id for other in near if other.kind == "holidays"}
        if named is not None and named not in calendars:
            say(
                f"holidays {named} is no row of holidays",
                suggest_fix(find_nearest(named, calendars), "add it"),
            )
        for code in sorted(((row.applies.places or set()) | row.applies.except_places) - codes):
            say(
                f"unknown territory {code}",
                suggest_fix(find_nearest(code, codes), "add the territory"),
            )
        if row.kind == "local_holidays":
            for code in sorted(set(row.parameters["days"]) - codes):
                say(
                    f"unknown territory {code}",
                    suggest_fix(find_nearest(code, codes), "add the territory"),
                )
        if row.kind in ("caller_class", "caller_link", "authentication"):
            for word in sorted(set(row.parameters["classes"]) - classes):
                say(
                    f"unknown class {word}",
                    suggest_fix(find_nearest(word, classes), "add its prefixes"),
                )
    for prefix in numbers.prefixes:
        for code in set(prefix.territories) - codes:
            say = build_reporter(faults, "numbers.yaml", prefix.prefix)
            say(
                f"unknown territory {code}",
                suggest_fix(find_nearest(code, codes), "add the territory"),
            )
    _check_overlaps(rows, faults)


def _check_overlaps(rows: list[LegalRow], faults: list[LegalRowFault]) -> None:
    by_key: dict[tuple[str, ...], list[LegalRow]] = {}
    for row in rows:
        by_key.setdefault((row.jurisdiction, row.id, row.gate, row.kind), []).append(row)
    for versions in by_key.values():
        for one, other in combinations(versions, 2):
            starts = max(one.first or date.min, other.first or date.min)
            ends = min(one.last or date.max, other.last or date.max)
            if starts <= ends:
                reason = f"two rows of gate {one.gate} and kind {one.kind} bind on {starts}"
                say = build_reporter(faults, other.file, other.id)
                say(reason, "end the first the day before the second starts")
