"""Rules and charters from the text of YAML files, with every fault named at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from releve.errors import ReleveError
from releve.situation.charter import SOURCES, Charter
from releve.situation.event import FieldFault, event_field, read_fields
from releve.situation.rule_kinds import PARAMETERS, RulePack, RuleParameters, SituationRule, SituationRules, ended

END = "end"
"""Kind of a row that only ends another."""
_KEYS = {"from": "valid_from", "to": "valid_to"}
"""Keys of the files that are other words in the code."""


class SituationRuleFaults(ReleveError, ValueError):  # noqa: N818 (it is the faults, all of them)
    """A text is not a list of rules or not a charter; ``faults`` names every fault."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A row of a file; its parameters are those of its kind."""

    id: str = event_field("SituationRule id, its own for ever", example="MA-COVID-CLOSE")
    kind: str = event_field("What it rules; `end` only ends another row", example="closure", one_of=(*PARAMETERS, END))
    valid_from: date = event_field("First day in force", example="2020-03-20")
    valid_to: date | None = event_field("Last day in force; empty = until ended", default=None)
    basis: str = event_field("What it rests on", default="policy", one_of=("policy", "law"))
    source: str = event_field("Where it is from", example="Decree 2.20.293 of 24 March 2020")
    confidence: str = event_field("How sure that is, in words", example="Seen in two papers")
    text: str = event_field("In words, in English", default="")
    text_fr: str = event_field("In words, in French", default="")
    sites: tuple[str, ...] = event_field("Sites where it holds; empty = all", default=())
    destinations: tuple[str, ...] = event_field("Countries where it holds; empty = all", default=())
    causes: tuple[str, ...] = event_field("Closures it is for (reopening); empty = all", default=())
    ends: str = event_field("Id of the row it ends, the day before its own first", default="")


def load_rules(texts: Iterable[str], charters: Iterable[str] = (), packs: Iterable[str] = ()) -> SituationRules:
    """Return the rules of some YAML texts, each a list of rows, of some charters and packs.

    A pack is a mapping with its names, its source and its ``rows``; none is in force.

    A row with ``ends: ID`` ends that row, of whichever text, the day before its own ``from``. An id
    names one row only. SituationRuleFaults names every row, key, value and fix.
    """
    faults: list[FieldFault] = []
    rows: list[SituationRule] = []
    ends: list[tuple[str, date]] = []
    ids: list[str] = []
    read_packs = [_read_pack(text, faults) for text in packs]
    lists = [("", _parse_list(text, faults)) for text in texts]
    lists += [(pack.id, listed) for pack, listed in read_packs if pack is not None]
    for pack_id, listed in lists:
        for number, raw in enumerate(listed, 1):
            row, parameters = _read_row(raw, f"row {number}.", faults)
            if row is None:
                continue
            ids.append(row.id)
            ends += [(row.ends, row.valid_from)] if row.ends else []
            rows += [_build_rule(row, parameters, pack_id)] if parameters is not None else []
    faults += _id_faults(ids, {name for name, _ in ends} - {row.id for row in rows})
    read = [_read_charter(text, faults) for text in charters]
    if faults:
        raise SituationRuleFaults(tuple(faults))
    found = ended(rows, ends)
    return SituationRules(
        tuple(row for row in found if not row.pack),
        tuple(charter for charter in read if charter is not None),
        tuple(pack for pack, _listed in read_packs if pack is not None),
        tuple(row for row in found if row.pack),
    )


def load_charter(text: str) -> Charter:
    """Return the charter of a YAML text; SituationRuleFaults names every fault."""
    faults: list[FieldFault] = []
    charter = _read_charter(text, faults)
    if charter is None or faults:
        raise SituationRuleFaults(tuple(faults))
    return charter


def _read_charter(text: str, faults: list[FieldFault]) -> Charter | None:
    before = len(faults)
    values = read_fields(Charter, _rename_keys(_parse_yaml(text, faults)), "charter.", faults)
    if len(faults) > before:
        return None
    charter = Charter(**values)
    axes = {axis.id for axis in charter.axes}
    for measure in charter.measures:
        if measure.axis not in axes:
            place, fix = f"charter.measures.{measure.id}.axis", f"write one of {sorted(axes)}"
            faults.append(FieldFault(place, repr(measure.axis), "is no axis", fix))
        for source in {name for rule in measure.evidence for name in rule.sources} - {*SOURCES}:
            place, fix = f"charter.measures.{measure.id}.evidence", f"write one of {SOURCES}"
            faults.append(FieldFault(place, repr(source), "shows nothing of a measure", fix))
    faults += _id_faults([measure.id for measure in charter.measures], set())
    return charter


def _read_pack(text: str, faults: list[FieldFault]) -> tuple[RulePack | None, list[Any]]:
    """Return a pack without its rows, and the rows as they are written; None with faults."""
    before = len(faults)
    raw = _parse_yaml(text, faults)
    rows = raw.pop("rows", None) if isinstance(raw, dict) else None
    values = read_fields(RulePack, raw, "pack.", faults)
    if not isinstance(rows, list):
        faults.append(FieldFault("pack.rows", "", "are not a list", "start each row with `- id:`"))
    if len(faults) > before or not isinstance(rows, list):
        return None, []
    return RulePack(**values), rows


def _read_row(raw: Any, place: str, faults: list[FieldFault]) -> tuple[RuleRow | None, RuleParameters | None]:
    before = len(faults)
    raw = _rename_keys(raw)
    given = raw.pop("parameters", None) if isinstance(raw, dict) else None
    values = read_fields(RuleRow, raw, place, faults)
    kind = PARAMETERS.get(str(values.get("kind")))
    parameters: dict[str, Any] = {}
    if kind is not None:
        parameters = read_fields(kind, given or {}, f"{place}parameters.", faults)
    if len(faults) > before:
        return None, None
    return RuleRow(**values), None if kind is None else kind(**parameters)


def _build_rule(row: RuleRow, parameters: RuleParameters, pack: str) -> SituationRule:
    return SituationRule(
        id=row.id,
        parameters=parameters,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        basis=row.basis,
        source=row.source,
        confidence=row.confidence,
        text=row.text,
        text_fr=row.text_fr,
        sites=row.sites,
        destinations=row.destinations,
        causes=row.causes,
        pack=pack,
    )


def _id_faults(ids: list[str], unknown: set[str]) -> list[FieldFault]:
    twice = sorted({name for name in ids if ids.count(name) > 1})
    found = [FieldFault(name, "", "stands there twice", "give each its own id") for name in twice]
    return found + [FieldFault("ends", repr(name), "is no row", "write the id of a row") for name in sorted(unknown)]


def _rename_keys(raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    return {_KEYS.get(key, key): value for key, value in raw.items()}


def _parse_list(text: str, faults: list[FieldFault]) -> list[Any]:
    raw = _parse_yaml(text, faults)
    if isinstance(raw, list):
        return raw
    faults.append(FieldFault("rules", "", "are not a list", "start each row with `- id:`"))
    return []


def _parse_yaml(text: str, faults: list[FieldFault]) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        faults.append(FieldFault("text", "", f"is not YAML: {reason}", "mend it"))
        return None
