"""References between tables of facts that match nothing: who, whose and which consent is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from releve.network.faults import Fault, find_nearest, suggest_fix
from releve.outbound.clients import fold_client_name
from releve.outbound.fact_files import SHOWN_FAULTS
from releve.outbound.facts import EVERY_CLIENT, SAID
from releve.outbound.numbers import strip_separators

__all__ = ["find_doubtful_references"]

_ABOUT_PEOPLE = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts")
_WITH_CLIENTS = (*_ABOUT_PEOPLE, "scrubs", "mandates")
_NUMBER = re.compile(r"\+[0-9]{7,15}")


def find_doubtful_references(frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    """Yield the rows whose client, person or consent is not one that is known, but like one."""
    yield from _find_unknown_clients(frames)
    yield from _find_misspelt_persons(frames)
    yield from _find_unreadable_numbers(frames)
    yield from _find_unknown_consents(frames)


def _find_unknown_clients(frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    """Yield the rows of clients that the table of clients, where there is one, does not name."""
    table = frames["clients"]
    if not table.height:
        return
    names = [name for name in (*table["client"], *table["alias"]) if name]
    keys = {fold_client_name(name) for name in names}
    keys.add(fold_client_name(EVERY_CLIENT))
    for name in _WITH_CLIENTS:
        cells = frames[name]["client"]
        strange = [one for one in cells.unique().to_list() if fold_client_name(one) not in keys]
        for row in cells.is_in(strange).arg_true().head(SHOWN_FAULTS).to_list():
            fix = suggest_fix(find_nearest(cells[row], names), "add it to the table clients")
            yield Fault(name, row + 2, "client", cells[row], "not in the table clients", fix)


def _find_misspelt_persons(frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    """Yield the rows about a person who is in the table of people in another case of letters."""
    people = frames["people"]["person"].unique()
    by_folded = {one.casefold(): one for one in people.to_list()}
    for name in _ABOUT_PEOPLE:
        cells = frames[name]["person"]
        absent = cells.filter(~cells.is_in(people.implode())).unique()
        meant = {one: by_folded[key] for one in absent if (key := one.casefold()) in by_folded}
        for row in cells.is_in(list(meant)).arg_true().head(SHOWN_FAULTS).to_list():
            reason, fix = "not in the table people", f"write {meant[cells[row]]!r}"
            yield Fault(name, row + 2, "person", cells[row], reason, fix)


def _find_unreadable_numbers(frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    """Yield what was said by a number that is none: it would bind no one."""
    for name in SAID:
        cells = frames[name]["person"]
        names = cells.unique().to_list()
        numbers = [one for one in names if one.startswith("+")]
        wrong = [one for one in numbers if not _NUMBER.fullmatch(strip_separators(one))]
        for row in cells.is_in(wrong).arg_true().head(SHOWN_FAULTS).to_list():
            reason, fix = "not a telephone number", "write it like +33144556677"
            yield Fault(name, row + 2, "person", cells[row], reason, fix)


def _find_unknown_consents(frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    """Yield the withdrawals of a consent that the table of consents, if any, does not hold."""
    consents, withdrawals = frames["consents"], frames["withdrawals"]
    if not consents.height:
        return
    ids = consents["id"].unique()
    named = withdrawals["consent"]
    strange = ~named.is_in(ids.implode()) & (named != "")
    for row in strange.arg_true().head(SHOWN_FAULTS).to_list():
        near = find_nearest(named[row], ids.to_list())
        fix = suggest_fix(near, "write the id of a consent, or leave it empty for all of them")
        yield Fault("withdrawals", row + 2, "consent", named[row], "no consent has this id", fix)
