"""Facts taken in: written in short transactions, known all at one instant, the same never twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from django.db import transaction

from releve.gate.campaigns import find_campaign_faults, normalize_campaign_names
from releve.gate.clients import normalize_client_names, register_aliases
from releve.gate.db_clock import next_known_at, read_clock
from releve.gate.errors import LoadRefused
from releve.gate.fact_persons import resolve_persons
from releve.gate.key_checks import ensure_gate_key
from releve.gate.load_validation import find_row_faults
from releve.gate.models import Decision, FactRow, Load
from releve.gate.personal_values import NewPersonalValue, store_values
from releve.gate.row_builder import FactRowDraft, build_row
from releve.gate.schema import TABLES, FactTable
from releve.network.faults import Fault
from releve.outbound.fact_files import CAMPAIGNS
from releve.outbound.fact_tables import build_empty_frames
from releve.outbound.word_frames import normalize_word_columns

__all__ = ["ImportResult", "find_load_faults", "load_facts", "load_frames", "write_load"]

Progress = Callable[[str, int, int], None]
"""Takes the table, its rows done and its rows in all."""

_CHUNK = 1000
_PLACES: Mapping[str, tuple[str, ...]] = {
    "people": ("person", "number"),
    "abandoned": ("campaign", "day"),
}
"""Fields that identify a fact of each table, where its id does not."""


@dataclass(slots=True)
class ImportResult:
    """Numbers of rows written, and of rows that were there already, by table."""

    load: Load
    written: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)

    def done(self, table: str) -> int:
        """Return how many rows of a table are done."""
        return self.written.get(table, 0) + self.there.get(table, 0)


def load_frames(
    frames: Mapping[str, pl.DataFrame],
    *,
    source: str,
    by: str,
    digest: str = "",
    as_known: bool = False,
    known_only: bool = True,
    campaigns: Iterable[str] = (),
    progress: Progress = lambda table, done, rows: None,
) -> ImportResult:
    """Load typed tables (``releve.outbound.fact_tables``); LoadRefused names each faulty row.

    The same again writes nothing. A load that was killed goes on when it is started again with the
    same ``digest``. ``as_known`` keeps the tables' own ``known_at`` instead of now: for the first
    load of a history, refused once the gate has decided anything later than that. ``known_only``
    refuses what forbids calls to a person, or takes back a consent, that nothing knows.
    ``campaigns`` are names about to be recorded: facts of them are stored under that spelling.
    """
    ensure_gate_key()
    facts = {
        name: normalize_word_columns(name, f) for name, f in frames.items() if name != "clients"
    }
    if faults := find_row_faults(facts, read_clock()):
        raise LoadRefused.of(faults)
    if as_known:
        _refuse_changed_past(facts)
    with transaction.atomic():
        loaded = ImportResult(_open_load(source, by, digest))
        register_aliases(_list_aliases(frames))
        facts, faults = resolve_persons(normalize_client_names(facts), known_only=known_only)
        if faults:
            raise LoadRefused.of(faults)
        for name in ("abandoned", "scrubs"):
            if name in facts:
                facts[name] = normalize_campaign_names(facts[name], campaigns)
    for name, frame in facts.items():
        for part in frame.iter_slices(_CHUNK):
            with transaction.atomic():
                _write_chunk(TABLES[name], part.to_dicts(), loaded, as_known)
            progress(name, loaded.done(name), frame.height)
    with transaction.atomic():
        _close_load(loaded)
    return loaded


def find_load_faults(frames: Mapping[str, pl.DataFrame], *, known_only: bool = True) -> list[Fault]:
    """Return the faults for which :func:`load_frames` would refuse tables; nothing is written."""
    facts = {
        name: normalize_word_columns(name, frame)
        for name, frame in frames.items()
        if name not in ("clients", CAMPAIGNS) and frame.height
    }
    faults = find_row_faults(facts, read_clock())
    with transaction.atomic():
        try:
            register_aliases(_list_aliases(frames))
        except LoadRefused as error:
            faults += error.faults
        faults += resolve_persons(normalize_client_names(facts), known_only=known_only)[1]
        if CAMPAIGNS in frames:
            faults += find_campaign_faults(frames[CAMPAIGNS])
        transaction.set_rollback(True)
    return faults


def _list_aliases(frames: Mapping[str, pl.DataFrame]) -> list[tuple[str, str]]:
    frame = frames.get("clients")
    return [] if frame is None else list(frame.select("client", "alias").iter_rows())


def load_facts(facts: Sequence[Any], *, source: str, by: str) -> ImportResult:
    """Record facts of the engine (``releve.outbound.Withdrawal`` …), known from now on.

    All or none of them. Their own ``known_at`` is not used; persons need not be known.
    """
    names = {table.fact: name for name, table in TABLES.items()}
    schemas = {name: frame.schema for name, frame in build_empty_frames().items()}
    rows: dict[str, list[dict[str, Any]]] = {}
    for fact in facts:
        fields = {field.name: getattr(fact, field.name) for field in dataclasses.fields(fact)}
        cells = {key: list(v) if isinstance(v, frozenset) else v for key, v in fields.items()}
        rows.setdefault(names[type(fact)], []).append(cells)
    frames = {name: pl.DataFrame(found, schema=schemas[name]) for name, found in rows.items()}
    with transaction.atomic():
        return load_frames(frames, source=source, by=by, known_only=False)


def write_load(rows: Sequence[tuple[FactTable, FactRowDraft]], *, source: str, by: str) -> Load:
    """Write rows that are made already, known from now on; inside a transaction."""
    load = Load.objects.create(source=source[:200], by=by, opened_at=read_clock(), rows=len(rows))
    for table in dict.fromkeys(table for table, _ in rows):
        table.model._default_manager.bulk_create(
            [
                table.model(**one.columns, load=load, digest=one.digest, erase_on=one.erase_on)
                for of, one in rows
                if of is table
            ]
        )
    store_values(value for _, one in rows for value in one.values)
    load.known_at = next_known_at()
    load.save(update_fields=["known_at"])
    return load


def _open_load(source: str, by: str, digest: str) -> Load:
    """Return the load to write into: the one that a killed import left, or a new one."""
    if digest:
        left = Load.objects.filter(digest=digest, known_at=None).first()
        if left is not None:
            return left
    return Load.objects.create(source=source, by=by, digest=digest, opened_at=read_clock())


def _close_load(loaded: ImportResult) -> None:
    """Let everything count, from one instant on; a load without a row leaves nothing behind."""
    load = loaded.load
    # Counted, for a load that was killed has rows that were written before.
    load.rows = sum(t.model._default_manager.filter(load=load).count() for t in TABLES.values())
    if not load.rows:
        load.delete()
        return
    load.known_at = next_known_at()
    load.save(update_fields=["known_at", "rows"])


def _refuse_changed_past(frames: Mapping[str, pl.DataFrame]) -> None:
    """Refuse a history that would have changed what the gate decided."""
    last = Decision.objects.order_by("-at").values_list("at", flat=True).first()
    if last is None:
        return
    for name, frame in frames.items():
        first = frame["read_at" if name == "feeds" else "known_at"].min()
        if isinstance(first, datetime) and first <= last:
            raise LoadRefused(
                f"{name}: known_at {first.isoformat()} lies before a decision of the gate "
                f"({last.isoformat()}); load it without its own dates"
            )


def _write_chunk(
    table: FactTable, rows: Sequence[Mapping[str, Any]], loaded: ImportResult, as_known: bool
) -> None:
    """Write the rows that are not there yet, and the values behind their pseudonyms."""
    found = [build_row(table, row, loaded.load.opened_at) for row in rows]
    last = _last_digests(table, found, loaded.load)
    new: list[FactRow] = []
    values: list[NewPersonalValue] = []
    for row, one in zip(rows, found, strict=True):
        place = _fact_key(table, one)
        if last.get(place) == one.digest:
            continue
        last[place] = one.digest
        known = row.get("known_at", row.get("read_at")) if as_known else None
        new.append(
            table.model(
                **one.columns, load=loaded.load, known_from=known, digest=one.digest,
                erase_on=one.erase_on,
            )
        )  # fmt: skip
        values += one.values
    table.model._default_manager.bulk_create(new)
    store_values(values)
    name = table.name
    loaded.written[name] = loaded.written.get(name, 0) + len(new)
    loaded.there[name] = loaded.there.get(name, 0) + len(found) - len(new)


def _fact_key(table: FactTable, row: FactRowDraft) -> tuple[Any, ...]:
    """Return what a row is the last word on; the row itself where nothing corrects it."""
    names: tuple[str, ...]
    if table.versioned:
        names = ("client", "person", "provider", "ref")  # an attempt's id is its provider's
    elif table.name in _PLACES:
        names = _PLACES[table.name]
    else:
        return (row.digest,)
    return tuple(row.columns[name] for name in names if name in row.columns)


def _last_digests(
    table: FactTable, rows: Sequence[FactRowDraft], load: Load
) -> dict[tuple[Any, ...], str]:
    """Return the content that counts now at each place of the rows."""
    key = "ref" if table.versioned else _PLACES.get(table.name, ("digest",))[0]
    asked = {row.digest if key == "digest" else row.columns[key] for row in rows}
    kept = table.model._default_manager.filter(**{f"{key}__in": asked}).select_related("load")
    there = [
        (row.known_from or (row.load.known_at if row.load else None), row.pk, row)
        for row in kept.order_by("pk")
        if row.load is None or row.load_id == load.pk or row.load.known_at is not None
    ]
    there.sort(key=lambda one: (one[0] is None, one[0] or load.opened_at, one[1]))
    found = {}
    for _, _, row in there:
        names = [column.name for column in table.columns]
        one = FactRowDraft({name: getattr(row, name) for name in names}, row.digest, None, [])
        found[_fact_key(table, one)] = row.digest
    return found
