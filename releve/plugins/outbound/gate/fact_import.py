"""Facts taken in: validated first, written in short transactions, known all at one instant.

The same fact is never stored twice. A withdrawal, a refusal or an attempt of a person, or of a
consent, that nothing knows would forbid nothing, so it refuses the load. A number stands for all
its holders, known or not. The faults of requests and feeds stand here in French and in English.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, partial
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import CharField, QuerySet

from releve.errors import Phrase
from releve.live.clock import read_clock
from releve.network.faults import Fault, NearestNames
from releve.plugins.outbound.engine.fact_files import CAMPAIGNS
from releve.plugins.outbound.engine.fact_references import (
    FORBIDDING,
    KNOWING,
    build_consent_fault,
    describe_unknown_person,
    normalize_numbers_among,
)
from releve.plugins.outbound.engine.fact_tables import build_empty_frames, find_word_faults, normalize_word_columns
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, SAID
from releve.plugins.outbound.engine.legal_rows import Words
from releve.plugins.outbound.engine.numbers import normalize_shown_numbers
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.gate.campaign_cache import FactRowDraft, build_row
from releve.plugins.outbound.gate.campaigns import find_campaign_faults, normalize_campaign_names
from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW, ensure_gate_key, next_known_at
from releve.plugins.outbound.gate.erasure import NewPersonalValue, read_value, store_values
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.models import ConsentRow, Decision, FactRow, Load, PersonRow
from releve.plugins.outbound.gate.pseudonyms import (
    is_subscriber,
    normalize_client_names,
    number_text,
    person_pseudonym,
    register_aliases,
    text_pseudonym,
)
from releve.plugins.outbound.gate.sql import TABLES, FactColumn, FactTable

_ASKED_AT_ONCE = 500


def resolve_persons(
    frames: Mapping[str, pl.DataFrame], *, known_only: bool
) -> tuple[dict[str, pl.DataFrame], list[Fault]]:
    """Return tables, their clients named already, whose persons by number are in one form.

    ``known_only``: with a fault for each row about a person or a consent that nothing knows.
    """
    found, faults = dict(frames), list[Fault]()
    named = set[str]().union(*(frames[name]["person"] for name in KNOWING if name in frames))
    for name in FORBIDDING:
        if name not in frames or not frames[name].height:
            continue
        texts = set(frames[name]["person"].unique()) - named
        absent = sorted(texts - set(_find_recorded(texts)))
        if name in SAID:
            found[name], absent = normalize_numbers_among(absent, frames[name])
        if known_only and absent:
            faults += _describe_unknown(name, frames, absent, named)
    if known_only and "withdrawals" in found:
        faults += _find_doubtful_consents(found)
    return found, faults


def _find_recorded(persons: Collection[str]) -> Iterator[str]:
    """Yield the persons about whom something is recorded under their id."""
    by_pseudonym = {person_pseudonym(one): one for one in persons if not one.startswith("+")}
    for part in _split(list(by_pseudonym)):
        for name in (*KNOWING, *FORBIDDING):
            rows: QuerySet[Any] = TABLES[name].model._default_manager.all()
            kept = rows.filter(person__in=part).values_list("person", flat=True)
            yield from (by_pseudonym[one] for one in kept.distinct())


def _split(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), _ASKED_AT_ONCE):
        yield texts[start : start + _ASKED_AT_ONCE]


def _describe_unknown(
    name: str, frames: Mapping[str, pl.DataFrame], absent: Collection[str], named: Collection[str]
) -> Iterator[Fault]:
    cells, said, nearest = frames[name]["person"], name in SAID, NearestNames(named)
    holders = {} if said else _find_holders(absent, frames)

    @cache
    def explain(text: str) -> tuple[Phrase, Phrase]:
        shown = filter(None, (read_value("person", one) for one in holders.get(text, ())))
        return describe_unknown_person(text, nearest, sorted(shown), said=said)

    for row in cells.is_in(list(absent)).arg_true():
        text = cells[row]
        yield Fault(name, row + 2, "person", text, *explain(text))


def _find_doubtful_consents(frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    """Yield the withdrawals of a consent that is not known, or that another person gave."""
    rows = frames["withdrawals"].select("client", "person", "consent").with_row_index("row")
    rows = rows.filter(pl.col("consent") != "")
    givers: dict[str, list[tuple[str, str]]] = {}
    asked = rows["consent"].unique()
    if "consents" in frames:
        own = frames["consents"].filter(pl.col("id").is_in(asked.implode()))
        for id_, client, person in own.select("id", "client", "person").iter_rows():
            givers.setdefault(id_, []).append((client, person_pseudonym(person)))
    for part in _split(asked.to_list()):
        kept = ConsentRow.objects.filter(ref__in=part)
        for id_, client, person in kept.values_list("ref", "client", "person").distinct():
            givers.setdefault(id_, []).append((client, person))
    doubtful = list[tuple[int, str, str, str, set[str]]]()
    for row, client, person, consent in rows.iter_rows():
        mine = {p for c, p in givers.get(consent, []) if client in (EVERY_CLIENT, c)}
        if person_pseudonym(person) not in mine:
            doubtful.append((row, client, person, consent, mine))
    holders = _find_holders({person for _, _, person, _, _ in doubtful}, frames)
    show = cache(partial(read_value, "person"))
    for row, client, person, consent, mine in doubtful:
        if mine.isdisjoint(holders.get(person, ())):
            names = sorted(filter(None, map(show, mine))) if mine else None
            known = givers.get(consent, [])
            yield build_consent_fault(row + 2, client, person, consent, known, names)


def _find_holders(texts: Collection[str], frames: Mapping[str, pl.DataFrame]) -> dict[str, set[str]]:
    """Return the pseudonyms of who holds each number among texts, here or in the load."""
    meant = {text: number for text in texts if is_subscriber(number := number_text(text))}
    by_pseudonym = {text_pseudonym(number): number for number in set(meant.values())}
    holders: dict[str, set[str]] = {number: set() for number in by_pseudonym.values()}
    for part in _split(list(by_pseudonym)):
        held = PersonRow.objects.filter(number__in=part).values_list("number", "person")
        for pseudonym, person in held.distinct():
            holders[by_pseudonym[pseudonym]].add(person)
    if holders and "people" in frames:
        people = frames["people"].select("person", "number")
        numbers = normalize_shown_numbers(people["number"], built_in_rules().numbers, date.max)
        for person, number in zip(people["person"], numbers, strict=True):
            if number in holders:
                holders[number].add(person_pseudonym(person))
    return {text: holders[number] for text, number in meant.items()}


_OFFSET = Words(
    "Écrivez l'instant avec son décalage par rapport à UTC, comme 2026-11-24T10:30:00+01:00.",
    "Write the instant with its offset from UTC, like 2026-11-24T10:30:00+01:00.",
)

FAULT_SENTENCES: Mapping[str, Words] = {
    "key.missing": Words("Il faut une clé de 1 à 128 caractères.", "A key of 1 to 128 characters is needed."),
    "number.unreadable": Words(
        "Ce n'est pas un numéro de téléphone : écrivez-le comme 01 44 55 66 77 ou +33 1 44 55 66 77.",
        "This is not a telephone number: write it like 01 44 55 66 77 or +33 1 44 55 66 77.",
    ),
    "said.unknown": Words(
        "Ce mot n'est pas connu : écrivez stop, refusal, not-interested, not-now ou outcome.",
        "This word is not known: write stop, refusal, not-interested, not-now or outcome.",
    ),
    "client.unknown": Words(
        "Aucune campagne n'est enregistrée pour un donneur d'ordre de ce nom.",
        "No campaign is recorded for a client of this name.",
    ),
    "client.elsewhere": Words("Votre rôle ne couvre pas ce donneur d'ordre.", "Your role is not held for this client."),
    "at.no-offset": _OFFSET,
    "at.unreadable": _OFFSET,
    "at.future": Words("Cet instant est dans le futur.", "This instant lies in the future."),
    "channel.unfit": Words("64 caractères imprimables au plus.", "At most 64 printable characters."),
    "outcome.unknown": Words(
        "Choisissez l'issue de l'appel, et seulement pour une issue d'appel.",
        "Choose the outcome of the call, and only for an outcome.",
    ),
    "call.unfit": Words(
        "L'appel ne s'indique que pour une issue d'appel, en 300 caractères au plus.",
        "A call is named for an outcome only, by at most 300 characters.",
    ),
    "call.unknown": Words(
        "Aucun appel vers ce numéro n'a été passé pour ce donneur d'ordre dans les dernières 24 heures.",
        "No call to this number was placed for this client in the last 24 hours.",
    ),
    "key.reused": Words(
        "Cette clé a déjà servi pour autre chose ; prenez-en une autre.",
        "This key recorded something else before; take another one.",
    ),
    "gate.key": Words(
        "La clé des pseudonymes manque, ou n'est pas celle de la base de données :"
        " rien n'a été enregistré. Prévenez un administrateur.",
        "The key of the pseudonyms is missing, or is not the one of the database: nothing was"
        " recorded. Tell an administrator.",
    ),
    "reason.short": Words("Indiquez le motif, en dix caractères au moins.", "Say why, in ten characters or more."),
    "person.several": Words(
        "Plusieurs personnes partagent ce numéro : indiquez l'identifiant de celle qui fait la demande.",
        "Several people hold this number: name the one who asks by their id.",
    ),
    "person.elsewhere": Words(
        "Aucune personne portant cet identifiant n'est connue à ce numéro.",
        "No person of this id is known to hold the number.",
    ),
    "row.unreadable": Words(
        "La ligne n'a pas les colonnes de la première ligne.", "The row does not have the columns of the first line."
    ),
    "columns.missing": Words(
        "Il manque une colonne obligatoire dans la première ligne.", "The first line lacks a column that is needed."
    ),
    "columns.unknown": Words(
        "La première ligne comporte une colonne inconnue.", "The first line holds a column that is not known."
    ),
}


_VOUCH = Phrase("leave the row out, and run `releve outbound facts read` after the import")
_HAPPENED = {"feeds": "read_at", "withdrawals": "at", "refusals": "at", "attempts": "at"}
"""The date of events that are past when loaded; a later one would forbid nothing yet."""


def find_row_faults(frames: Mapping[str, pl.DataFrame], now: datetime) -> list[Fault]:
    """Return a fault for every cell that cannot be stored; the first row of a table is 2."""
    return [fault for name, frame in frames.items() for fault in _check_table(TABLES[name], frame, now)]


def _check_table(table: FactTable, frame: pl.DataFrame, now: datetime) -> Iterator[Fault]:
    yield from find_word_faults(table.name, frame)
    for column in table.columns:
        if column.field not in frame.columns or column.kind not in ("text", "words"):
            continue
        cells = frame[column.field]
        if column.kind == "words":
            cells = cells.list.sort().list.join("|")
        yield from _report_faults(table, column, cells, cells.str.contains("\0", literal=True),
                       Phrase("holds a zero character"), Phrase("leave it out"))  # fmt: skip
        most = _max_length(table, column)
        if most is not None:
            reason = Phrase("longer than {0} characters", most)
            long = cells.str.len_chars() > most
            yield from _report_faults(table, column, cells, long, reason, Phrase("shorten it"))
    field = _HAPPENED.get(table.name, "")
    if field in frame.columns:
        column = next(column for column in table.columns if column.field == field)
        late = frame[field] > now + MAX_CLOCK_SKEW
        fix = _VOUCH if table.name == "feeds" else Phrase("give the instant at which it was")
        yield from _report_faults(table, column, frame[field].cast(pl.String), late, Phrase("lies in the future"), fix)


def _report_faults(
    table: FactTable, column: FactColumn, cells: pl.Series, wrong: pl.Series, reason: Phrase, fix: Phrase
) -> Iterator[Fault]:
    for row in wrong.arg_true().to_list():
        shown = "" if column.hides else str(cells[row])[:40]
        yield Fault(table.name, row + 2, column.field, shown, reason, fix)


def _max_length(table: FactTable, column: FactColumn) -> int | None:
    """Return the longest text that a column holds; None: any, or only its pseudonym is stored."""
    field: Any = table.model._meta.get_field(column.name)
    return field.max_length if isinstance(field, CharField) and not column.hides else None


Progress = Callable[[str, int, int], None]
"""Takes the table, its rows done and its rows in all."""

_CHUNK = 1000
_PLACES: Mapping[str, tuple[str, ...]] = {"people": ("person", "number"), "abandoned": ("campaign", "day")}
"""Fields that identify a fact of each table, where its id does not."""


@dataclass(slots=True)
class ImportResult:
    """Numbers of rows written, and of rows that were there already, by table."""

    load: Load
    written: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)

    def done(self, table: str) -> int:
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
    """Load typed tables (``fact_tables``); LoadRefused names each faulty row.

    The same again writes nothing. A load that was killed goes on when it is started again with the
    same ``digest``. ``as_known`` keeps the tables' own ``known_at`` instead of now: for the first
    load of a history, refused once the gate has decided anything later than that. ``known_only``
    refuses what forbids calls to a person, or takes back a consent, that nothing knows.
    ``campaigns`` are names about to be recorded: facts of them are stored under that spelling.
    """
    ensure_gate_key()
    facts = {name: normalize_word_columns(name, f) for name, f in frames.items() if name != "clients"}
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
    """Record facts of the engine (``Withdrawal`` …), known from now on.

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


def _write_chunk(table: FactTable, rows: Sequence[Mapping[str, Any]], loaded: ImportResult, as_known: bool) -> None:
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
            table.model(**one.columns, load=loaded.load, known_from=known, digest=one.digest, erase_on=one.erase_on)
        )
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


def _last_digests(table: FactTable, rows: Sequence[FactRowDraft], load: Load) -> dict[tuple[Any, ...], str]:
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
