"""Territories and the table of numbers, read from their files."""

from __future__ import annotations

from datetime import date
from typing import Any

from releve.network.clock import is_known_zone
from releve.outbound.legal_rows import ANY, Territory, Words
from releve.outbound.numbers import NumberTable, Prefix
from releve.outbound.rule_file_checks import Say

__all__ = ["read_day", "read_numbers", "read_territories"]


def read_day(value: Any, key: str, say: Say) -> date | None:
    """Return a day as YAML gives it; what is none is said, and None returned."""
    if value is None or type(value) is date:
        return value
    say(f"{key} {value!r} is not a day", f"write {key}: 2026-08-11")
    return None


def read_territories(entries: Any, say: Say) -> list[Territory]:
    """Return territories; one without a zone or a jurisdiction is said and left out."""
    found: list[Territory] = []
    for entry in entries:
        code = str(entry.get("code"))
        if not is_known_zone(str(entry.get("zone"))):
            say(f"territory {code}: no time zone {entry.get('zone')!r}", "write one of IANA's")
            continue
        if not entry.get("jurisdiction") or entry.get("jurisdiction") == ANY:
            say(f"territory {code}: no jurisdiction", "write jurisdiction:")
            continue
        name = Words(str(entry.get("fr", code)), str(entry.get("en", code)))
        postcodes = tuple(map(str, entry.get("postcodes", ())))
        found.append(Territory(code, str(entry["jurisdiction"]), entry["zone"], name, postcodes))
    return found


def read_numbers(document: dict[str, Any], say: Say) -> NumberTable:
    """Return the table of numbers; a prefix that is none is said and left out."""
    prefixes: list[Prefix] = []
    for entry in document["prefixes"]:
        text = str(entry.get("prefix"))
        if not (text.startswith("+") and text[1:].isdecimal() and text.isascii()):
            say(f"prefix {text!r} is not + and digits", "write it like +33162")
            continue
        first, last = read_day(entry.get("from"), "from", say), read_day(entry.get("to"), "to", say)
        prefixes.append(
            Prefix(
                text,
                str(entry["class"]),
                tuple(entry.get("territories", ())),
                bool(entry.get("callee", True)),
                entry.get("length"),
                first,
                last,
                tuple(entry.get("sure", ())),
            )
        )
    rewrites = [
        (start, entry["country"])
        for entry in document.get("rewrites", ())
        for start in entry["national"]
    ]
    short = tuple((entry["pattern"], entry["class"]) for entry in document.get("short", ()))
    return NumberTable(tuple(prefixes), tuple(rewrites), short)
