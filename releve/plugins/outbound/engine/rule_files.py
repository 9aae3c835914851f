"""The rows of the law, territories and numbers from YAML: read, checked, closed and amended.

``load_rules`` takes files as text by name. A row of the law is never edited: one that says
``closes: FR-X`` with ``from`` ends it the day before, and one that says ``amends: FR-X`` ends it
and starts a copy with what it gives.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from importlib import resources
from itertools import combinations
from typing import Any

import yaml

from releve.network.faults import find_nearest, suggest_fix
from releve.network.moments import is_known_zone
from releve.plugins.outbound.engine.errors import LegalRowFault, LegalRowFaults
from releve.plugins.outbound.engine.judged_call import CALLEES, CHANNELS, MODES, PURPOSES
from releve.plugins.outbound.engine.legal_rows import (
    ANY,
    LegalRow,
    LegalRules,
    RowScope,
    Territory,
    Words,
    compute_version,
)
from releve.plugins.outbound.engine.numbers import NumberTable, Prefix
from releve.plugins.outbound.engine.rule_kinds import GATES, KINDS, SURE, read_parameter
from releve.plugins.outbound.engine.vocabulary import get_vocabulary

Say = Callable[[str, str], None]
"""Takes a reason and a fix."""


def build_reporter(faults: list[LegalRowFault], name: str, row: str) -> Say:
    """Return what notes faults of one row of a file."""
    return lambda reason, fix: faults.append(LegalRowFault(name, row, reason, fix))


def check_row(row: LegalRow, say: Say) -> None:
    """Check a row by itself: its gate, its kind, the quotes of its sentence."""
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
    rows: list[LegalRow], territories: list[Territory], numbers: NumberTable, faults: list[LegalRowFault]
) -> None:
    """Check what one row cannot tell alone: overlaps, and names of other rows and places."""
    codes = {territory.code for territory in territories}
    classes = numbers.classes()
    for row in rows:
        say = build_reporter(faults, row.file, row.id)
        near = [other for other in rows if other.jurisdiction == row.jurisdiction]
        lifts = {other.id for other in near if KINDS[other.kind].role == "lift"}
        for wanted in set(row.exceptions) - lifts:
            say(f"its exception {wanted} is no row that lifts", suggest_fix(find_nearest(wanted, lifts), "add it"))
        named = row.parameters.get("holidays")
        calendars = {other.id for other in near if other.kind == "holidays"}
        if named is not None and named not in calendars:
            say(f"holidays {named} is no row of holidays", suggest_fix(find_nearest(named, calendars), "add it"))
        for code in sorted(((row.applies.places or set()) | row.applies.except_places) - codes):
            say(f"unknown territory {code}", suggest_fix(find_nearest(code, codes), "add the territory"))
        if row.kind == "local_holidays":
            for code in sorted(set(row.parameters["days"]) - codes):
                say(f"unknown territory {code}", suggest_fix(find_nearest(code, codes), "add the territory"))
        if row.kind in ("caller_class", "caller_link", "authentication"):
            for word in sorted(set(row.parameters["classes"]) - classes):
                say(f"unknown class {word}", suggest_fix(find_nearest(word, classes), "add its prefixes"))
    for prefix in numbers.prefixes:
        for code in set(prefix.territories) - codes:
            say = build_reporter(faults, "numbers.yaml", prefix.prefix)
            say(f"unknown territory {code}", suggest_fix(find_nearest(code, codes), "add the territory"))
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


def read_day(value: Any, key: str, say: Say) -> date | None:
    """Return a day as YAML gives it; report any other value and return None."""
    if value is None or type(value) is date:
        return value
    say(f"{key} {value!r} is not a day", f"write {key}: 2026-08-11")
    return None


def read_territories(entries: Any, say: Say) -> list[Territory]:
    """Return territories; report and leave out those without a zone or a jurisdiction."""
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
    """Return the table of numbers; report and leave out faulty prefixes."""
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
    rewrites = [(start, entry["country"]) for entry in document.get("rewrites", ()) for start in entry["national"]]
    short = tuple((entry["pattern"], entry["class"]) for entry in document.get("short", ()))
    return NumberTable(tuple(prefixes), tuple(rewrites), short)


_REQUIRED = frozenset({"id", "gate", "kind", "rule", "reference", "source", "sure"})
_OPTIONAL = frozenset({"from", "to", "parameters", "exceptions", "applies", "refuses", "remedy", "sanction", "doubt"})
_TEXTS = ("rule", "refuses", "remedy", "doubt")
_CHANGES = frozenset({"closes", "amends"})
_CHANGE_KEYS = frozenset({"from", "gate", "kind"})
_APPLIES = {
    "callees": CALLEES,
    "purposes": PURPOSES,
    "modes": MODES,
    "channels": CHANNELS,
    "objects": get_vocabulary("object").ids,
}

_NAMING = ("places", "except_places", "clients", "except_clients")
"""What else a row may name, in words that are not fixed here."""


_MOST_ALIASES = 100


class _UniqueKeyLoader(yaml.CSafeLoader):
    """YAML that refuses a key given twice instead of keeping the last."""


def _construct_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = Counter(str(loader.construct_object(key, deep=True)) for key, _ in node.value)
    twice = {key for key, count in keys.items() if count > 1}
    if twice:
        raise yaml.YAMLError(f"{', '.join(sorted(twice))} given twice, {node.start_mark}")
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


@cache
def built_in_rules() -> LegalRules:
    """Return the table that comes with this package."""
    return load_rules(built_in_texts())


@cache
def built_in_texts() -> dict[str, str]:
    """Return the files of the table that comes with this package, by name."""
    folder = resources.files("releve.plugins.outbound.engine").joinpath("law")
    return {
        item.name: item.read_text(encoding="utf-8")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".yaml")
    }


def load_rules(texts: Mapping[str, str]) -> LegalRules:
    """Read a whole table of the law; RuleFaults names every row that is wrong, and its fix."""
    faults: list[LegalRowFault] = []
    documents = {name: _parse_document(name, texts[name], faults) for name in sorted(texts)}
    rows: list[LegalRow] = []
    changes: list[tuple[str, str, dict[str, Any]]] = []
    territories: list[Territory] = []
    numbers = NumberTable((), (), ())
    for name, document in documents.items():
        say = build_reporter(faults, name, "the file")
        if "territories" in document:
            territories += read_territories(document["territories"], say)
        elif "prefixes" in document:
            numbers = read_numbers(document, say)
        elif "rows" in document:
            found, changing = _read_rows(name, document, faults)
            rows += found
            changes += changing
        else:
            say("it holds neither rows, nor territories, nor prefixes", "remove it or fill it")
    for name, jurisdiction, change in changes:
        rows = _apply_change(rows, change, jurisdiction, name, faults)
    check_table(rows, territories, numbers, faults)
    if faults:
        raise LegalRowFaults(tuple(faults))
    return LegalRules(rows, territories, numbers, compute_version(texts))


def _refuse_aliases(text: str) -> None:
    """Raise YAMLError at many aliases, or one inside what is referred to.

    Some lines of those stand for more than the memory holds.
    """
    named, count = [False], 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            named.append(named[-1] or event.anchor is not None)
        elif isinstance(event, yaml.CollectionEndEvent):
            named.pop()
        elif isinstance(event, yaml.AliasEvent):
            count += 1
            if named[-1] or count > _MOST_ALIASES:
                raise yaml.YAMLError(f"it refers to &{event.anchor}: write it out")


def _parse_document(name: str, text: str, faults: list[LegalRowFault]) -> dict[str, Any]:
    try:
        if "*" in text:
            _refuse_aliases(text)
        found = yaml.load(text, _UniqueKeyLoader)
    except (yaml.YAMLError, RecursionError) as error:
        faults.append(LegalRowFault(name, "the file", f"it is not YAML: {error}", "mend it"))
        return {"rows": []}
    return found if isinstance(found, dict) else {}


def _read_rows(
    name: str, document: dict[str, Any], faults: list[LegalRowFault]
) -> tuple[list[LegalRow], list[tuple[str, str, dict[str, Any]]]]:
    jurisdiction = str(document.get("jurisdiction", ""))
    if not jurisdiction:
        say = build_reporter(faults, name, "the file")
        say("no jurisdiction", "write jurisdiction: FR above its rows")
    rows: list[LegalRow] = []
    changes: list[tuple[str, str, dict[str, Any]]] = []
    for number, entry in enumerate(document["rows"] or [], 1):
        if not isinstance(entry, dict):
            build_reporter(faults, name, f"row {number}")("not a mapping", "write id: and the rest")
            continue
        if _CHANGES.intersection(entry):
            changes.append((name, jurisdiction, entry))
            continue
        say = build_reporter(faults, name, str(entry.get("id", f"row {number}")))
        row = _read_row(entry, jurisdiction, name, say)
        if row is not None:
            rows.append(row)
    return rows, changes


def _read_row(entry: dict[str, Any], jurisdiction: str, name: str, say: Say) -> LegalRow | None:
    """Return one row, or None after reporting its fault."""
    before: list[str] = []

    def tell(reason: str, fix: str) -> None:
        before.append(reason)
        say(reason, fix)

    for key in sorted(_REQUIRED - entry.keys()):
        tell(f"no {key}", f"write {key}")
    for key in sorted(entry.keys() - _REQUIRED - _OPTIONAL):
        tell(f"unknown key {key!r}", suggest_fix(find_nearest(key, _REQUIRED | _OPTIONAL), "remove it"))
    gate, kind = str(entry.get("gate")), str(entry.get("kind"))
    if gate not in GATES:
        tell(f"gate {gate!r} is not one of {', '.join(GATES)}", "write one of them")
    if kind not in KINDS:
        tell(f"unknown kind {kind!r}", suggest_fix(find_nearest(kind, KINDS), "use a kind that exists"))
    if before:
        return None
    first, last = read_day(entry.get("from"), "from", tell), read_day(entry.get("to"), "to", tell)
    if first and last and last < first:
        tell(f"it ends on {last}, before it starts on {first}", "write to: on or after from:")
    row = LegalRow(
        id=str(entry["id"]),
        jurisdiction=jurisdiction,
        gate=gate,
        kind=kind,
        first=first,
        last=last,
        parameters=_read_parameters(kind, entry.get("parameters") or {}, tell),
        exceptions=tuple(map(str, entry.get("exceptions") or ())),
        applies=_read_scope(entry.get("applies") or {}, tell),
        rule=_read_bilingual(entry["rule"], "rule", tell) or Words("", ""),
        refuses=_read_bilingual(entry.get("refuses"), "refuses", tell),
        remedy=_read_bilingual(entry.get("remedy"), "remedy", tell),
        sanction=tuple(map(str, entry.get("sanction") or ())),
        reference=str(entry["reference"]),
        source=str(entry["source"]),
        sure=tuple(map(str, entry["sure"])) if isinstance(entry["sure"], list) else (),
        doubt=_read_bilingual(entry.get("doubt"), "doubt", tell),
        file=name,
    )
    check_row(row, tell)
    return None if before else row


def _read_bilingual(value: Any, key: str, say: Say) -> Words | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"fr", "en"} or not all(value.values()):
        say(f"{key} is not said in both languages", f"write {key}: {{fr: …, en: …}}")
        return None
    return Words(str(value["fr"]), str(value["en"]))


def _read_scope(value: Mapping[str, Any], say: Say) -> RowScope:
    found: dict[str, frozenset[str]] = {}
    for key, words in value.items():
        if key not in _APPLIES and key not in _NAMING:
            say(f"applies has no {key!r}", suggest_fix(find_nearest(key, [*_APPLIES, *_NAMING]), "remove"))
            continue
        strange = set(words) - set(_APPLIES.get(key, words))
        if strange or not words:
            say(f"applies: {key} {sorted(strange)} unknown", f"use {', '.join(_APPLIES[key])}")
        found[key] = frozenset(words)
    return RowScope(**found)


def _read_parameters(kind: str, given: Mapping[str, Any], say: Say) -> dict[str, Any]:
    known = KINDS[kind].parameters
    for name in sorted(given.keys() - known.keys()):
        fix = suggest_fix(find_nearest(name, known), "remove it")
        say(f"a row of kind {kind} has no parameter {name!r}", fix)
    found: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in given:
            try:
                found[name] = read_parameter(parameter, given[name])
            except (ValueError, TypeError) as error:
                say(f"parameter {name}: {error}", "mend its value")
        elif parameter.required:
            say(f"parameter {name} is missing", f"write {name}: under parameters:")
    return found


def _apply_change(
    rows: list[LegalRow], change: dict[str, Any], jurisdiction: str, name: str, faults: list[LegalRowFault]
) -> list[LegalRow]:
    """Return the rows once one of them is closed or amended by a further row."""
    verb = "closes" if "closes" in change else "amends"
    wanted = str(change[verb])
    say = build_reporter(faults, name, f"{verb} {wanted}")
    start = read_day(change.get("from"), "from", say)
    if start is None:
        say("no from", "write from: the first day on which it no longer binds")
        return rows
    new = {key: value for key, value in change.items() if key not in _CHANGES | _CHANGE_KEYS}
    allowed = {"parameters", "exceptions", "to", "source", "reference", "sure", "doubt"}
    allowed |= {"rule", "refuses", "remedy", "applies", "sanction"} if verb == "amends" else {"reason"}
    if new.keys() - allowed:
        say(f"unknown keys {sorted(new.keys() - allowed)}", "remove them")
    met = [
        row
        for row in rows
        if (row.jurisdiction, row.id) == (jurisdiction, wanted)
        and row.binds_on(start - timedelta(days=1))
        and all(getattr(row, key) == change[key] for key in ("gate", "kind") if key in change)
    ]
    if not met:
        say(f"no row {wanted} is in force the day before {start}", "mend its id or its from")
    if verb == "amends" and len(met) > 1:
        say(f"{len(met)} rows are meant", "add gate: or kind: to name one")
        return rows
    ended = [replace(row, last=start - timedelta(days=1)) if row in met else row for row in rows]
    if verb == "closes":
        return ended
    return ended + [_amend_row(row, new, start, name, say) for row in met]


def _amend_row(row: LegalRow, new: dict[str, Any], start: date, name: str, say: Say) -> LegalRow:
    kept = dict(row.parameters)
    given = new.get("parameters") or {}
    known = {key: value for key, value in KINDS[row.kind].parameters.items() if key in given}
    for key in sorted(given.keys() - known.keys()):
        say(f"a row of kind {row.kind} has no parameter {key!r}", "remove it")
    for key, parameter in known.items():
        try:
            kept[key] = read_parameter(parameter, given[key])
        except (ValueError, TypeError) as error:
            say(f"parameter {key}: {error}", "mend its value")
    texts = {key: _read_bilingual(new[key], key, say) for key in _TEXTS if key in new}
    plain = {key: str(new[key]) for key in ("source", "reference") if key in new}
    lists = {key: tuple(map(str, new[key])) for key in ("exceptions", "sanction", "sure") if key in new}
    applies = {"applies": _read_scope(new["applies"], say)} if "applies" in new else {}
    last = read_day(new.get("to"), "to", say)
    amended: LegalRow = replace(
        row, first=start, last=last or row.last, parameters=kept, file=name,
        **texts, **plain, **lists, **applies,  # type: ignore[arg-type]
    )  # fmt: skip
    check_row(amended, say)
    return amended
