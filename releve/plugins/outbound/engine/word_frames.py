"""Columns of words in tables of facts: brought to their ids, and which cells hold no word."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import polars as pl

from releve.errors import Phrase
from releve.network.faults import MOST_SOUGHT, Fault
from releve.plugins.outbound.engine.fact_files import CAMPAIGNS
from releve.plugins.outbound.engine.vocabulary import (
    describe_unfit_word,
    get_vocabulary,
    list_word_columns,
    normalize_basis,
    normalize_word,
)


def normalize_word_columns(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose words are ids; a text that is no word stays as it is."""
    columns = {column: name for column, name in list_word_columns().get(table, {}).items() if column in frame.columns}
    words = list_distinct_words(frame, columns)
    found = (_map_words(frame[column], words[column], _build_normalizer(name)) for column, name in columns.items())
    changed = [cells for cells in found if cells is not None]
    return frame.with_columns(changed) if changed else frame


def list_distinct_words(frame: pl.DataFrame, columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the different words of each column, of texts or of lists of texts, in any order."""
    if not frame.height:
        return {name: [] for name in columns}
    found = frame.select(pl.col(name).explode().drop_nulls().unique().implode() for name in columns)
    return {name: found[name][0].to_list() for name in columns}


def find_word_faults(table: str, frame: pl.DataFrame) -> Iterator[Fault]:
    """Yield each word of a table that may not stand there; its first row is 2.

    The words must be ids already. A text is explained once, however many cells hold it.
    """
    columns = {column: name for column, name in list_word_columns().get(table, {}).items() if column in frame.columns}
    words = list_distinct_words(frame, columns)
    for column, name in columns.items():
        coarse = (table, column) == (CAMPAIGNS, "object")
        if not list_unknown_words(name, filter(None, words[column]), coarse=coarse):
            continue
        cells, said = frame[column], dict[str, tuple[Phrase, Phrase]]()
        several = cells.dtype == pl.List(pl.String)
        for row in mark_unknown_words(table, column, cells).arg_true().to_list():
            for text in list_unknown_words(name, cells[row], coarse=coarse):
                if text not in said:
                    near = len(said) < MOST_SOUGHT
                    fix = get_vocabulary(name).advice(text, several=several, near=near)
                    said[text] = (describe_unfit_word(name, text), fix)
                yield Fault(table, row + 2, column, text, *said[text])


def mark_unknown_words(table: str, column: str, cells: pl.Series) -> pl.Series:
    """Return which cells of a column of words hold one that may not stand there, null where empty.

    The words must be ids already.
    """
    coarse = (table, column) == (CAMPAIGNS, "object")
    ids = list(_list_ids(list_word_columns()[table][column], coarse=coarse))
    if cells.dtype == pl.List(pl.String):
        return cells.list.set_difference(pl.Series([["", *ids]])).list.len() > 0
    words = cells.str.split(":").list.first() if column == "basis" else cells
    return ~words.is_in(["", *ids])


def list_unknown_words(vocabulary_name: str, cell: Any, *, coarse: bool = False) -> list[str]:
    """Return the texts of a cell (one, or several) that a table may not hold as words.

    ``coarse``: it may hold coarse ones, like a campaign, whose purpose decides whether it may.
    """
    words = [cell] if isinstance(cell, str) else list(cell)
    heads = [word.partition(":")[0] if vocabulary_name == "basis" else word for word in words]
    ids = _list_ids(vocabulary_name, coarse=coarse)
    return [word for word in heads if word not in ids]


def _list_ids(vocabulary_name: str, *, coarse: bool) -> Collection[str]:
    found = get_vocabulary(vocabulary_name)
    return found.by_id if coarse else found.precise_ids


def _build_normalizer(vocabulary_name: str) -> Callable[[str], str]:
    if vocabulary_name == "basis":
        return normalize_basis
    return lambda text: normalize_word(vocabulary_name, text)


def _map_words(cells: pl.Series, words: list[str], spell: Callable[[str], str]) -> pl.Series | None:
    """Return texts, or lists of texts, with their different ``words`` as ids; None: all are."""
    normalized = {word: spell(word) for word in words}
    changed = {word: found for word, found in normalized.items() if word != found}
    if not changed:
        return None
    if cells.dtype == pl.List(pl.String):
        return cells.list.eval(pl.element().replace(changed))
    return cells.replace(changed)
