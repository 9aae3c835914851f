"""Persons and consents that a load names: known here or in the load, numbers in one form.

A withdrawal, a refusal or an attempt of a person, or of a consent, that nothing knows would forbid
nothing, so it refuses the load. A number stands for all who hold it, known or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache, partial
from typing import Any

import polars as pl
from django.db.models import QuerySet

from releve.errors import Phrase
from releve.gate.models import ConsentRow, PersonRow
from releve.gate.personal_values import read_value
from releve.gate.pseudonyms import is_subscriber, number_text, person_pseudonym, text_pseudonym
from releve.gate.schema import TABLES
from releve.network.faults import Fault, NearestNames
from releve.outbound.fact_references import (
    FORBIDDING,
    KNOWING,
    build_consent_fault,
    describe_unknown_person,
    normalize_numbers_among,
)
from releve.outbound.facts import EVERY_CLIENT, SAID
from releve.outbound.number_frames import normalize_shown_numbers
from releve.outbound.rule_files import built_in_rules

__all__ = ["resolve_persons"]

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


def _find_holders(
    texts: Collection[str], frames: Mapping[str, pl.DataFrame]
) -> dict[str, set[str]]:
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
