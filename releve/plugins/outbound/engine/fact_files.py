"""The tables of facts as files: their columns, the words of headers and cells, and safe cells.

Files, sheets and headers are found by :mod:`releve.network.folder_reader`. A file, a row or a
column in doubt is a fault. No text of others becomes a formula in a spreadsheet.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from dataclasses import MISSING
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import polars as pl
import yaml

from releve.errors import BilingualPhrase, Phrase
from releve.network.columns import Condition, TableColumn
from releve.network.folder_reader import FolderLayout
from releve.network.history_grid import RawGrid
from releve.network.size_limits import read_parquet
from releve.network.table_words import Naming, TableForm
from releve.plugins.outbound.engine.facts import (
    SAID,
    Abandoned,
    Alias,
    Attempt,
    Callback,
    Campaign,
    Consent,
    Contract,
    Listing,
    Mandate,
    Person,
    Scrub,
    SpokenRefusal,
    Watermark,
    Withdrawal,
)
from releve.plugins.outbound.engine.legal_rows import Words
from releve.plugins.outbound.engine.phrases import REASONS, format_basis, join_phrases, word_label
from releve.plugins.outbound.engine.vocabulary import get_vocabulary, list_word_columns

TABLES: dict[str, type] = {
    "people": Person,
    "consents": Consent,
    "withdrawals": Withdrawal,
    "contracts": Contract,
    "callbacks": Callback,
    "refusals": SpokenRefusal,
    "attempts": Attempt,
    "listings": Listing,
    "scrubs": Scrub,
    "mandates": Mandate,
    "abandoned": Abandoned,
    "feeds": Watermark,
    "clients": Alias,
}
CAMPAIGNS = "campaigns"
"""A table beside those of facts: an installation records its campaigns from it."""
KINDS = {**TABLES, CAMPAIGNS: Campaign}
_NAMING = Naming("campaigns", "campagnes", ("campaign", "campagne"))
NEEDED = ("people", "withdrawals", "refusals", "attempts", "listings", "abandoned", "clients")
"""Tables that can forbid a call or identify a person: a whole folder holds them all."""
EXAMPLES: Mapping[str, Phrase] = {
    "instant": BilingualPhrase("2026-09-15T11:00:00+02:00", "15/09/2026 11:00"),
    "day": BilingualPhrase("2026-09-15", "15/09/2026"),
    "flag": BilingualPhrase("true or false", "oui ou non"),
    "number": BilingualPhrase("1234", "1234"),
}
"""How a value of each kind is written."""


@cache
def list_columns(table: str) -> Mapping[str, tuple[str, bool]]:
    """Return a table's columns: their kind, and whether they must be there."""
    hints = typing.get_type_hints(KINDS[table])
    found = {}
    for field in dataclasses.fields(KINDS[table]):
        if (table, field.name) != ("consents", "unreadable"):
            must = field.default is MISSING and field.name not in ("known_at", "last")
            found[field.name] = (_infer_kind(hints[field.name]), must)
    return found


def _infer_kind(hint: Any) -> str:
    parts = set(typing.get_args(hint) or (hint,)) - {type(None)}
    for kind, name in ((datetime, "instant"), (date, "day"), (bool, "flag"), (float, "number")):
        if kind in parts:
            return name
    return "text" if str in parts and hint is str else "words"


def may_be_empty(table: str, column: str) -> bool:
    """Return whether an empty cell of a column that must be there says something: every client."""
    return table in SAID and column == "client"


def must_be_filled(table: str, column: str) -> bool:
    """Return whether a column may be left out, but no cell of one that is there may be empty.

    A refusal whose kind is left open may have been an objection, which holds longer.
    """
    return (table, column) == ("refusals", "kind")


@cache
def get_forms() -> Mapping[str, TableForm]:
    text = resources.files("releve.plugins.outbound.engine").joinpath("fact_columns.yaml").read_text("utf-8")
    words = yaml.load(text, yaml.CSafeLoader)
    return {table: _build_form(table, words[table]) for table in KINDS}


def _build_form(table: str, words: Mapping[str, Any]) -> TableForm:
    word = get_vocabulary("table").by_id.get(table)
    naming = Naming(word.label.en, word.label.fr, word.also) if word else _NAMING
    names = {
        column: Naming(column.replace("_", " "), entry["fr"], tuple(entry.get("also", ())))
        for column, entry in words.items()
    }
    columns = tuple(
        _build_column(table, column, kind, must, words[column]) for column, (kind, must) in list_columns(table).items()
    )
    return TableForm(table, naming, columns, names)


def _build_column(table: str, column: str, kind: str, must: bool, entry: Mapping[str, Any]) -> TableColumn:
    example: Phrase | str = EXAMPLES.get(kind, entry.get("like", "…"))
    if name := list_word_columns().get(table, {}).get(column):
        first = get_vocabulary(name).words[0]
        example = BilingualPhrase(first.id, first.label.fr)
    doc = BilingualPhrase(column.replace("_", " "), entry["fr"])
    return TableColumn(column, None, doc, "", example, must, None, Condition(), "")


@cache
def build_layout(whole: bool, *, campaigns: bool = False) -> FolderLayout:
    """Return a folder of facts; ``whole``: it is all that is known, so tables must be there.

    ``campaigns``: a table of campaigns may stand among them.
    """
    forms = {name: form for name, form in get_forms().items() if campaigns or name != CAMPAIGNS}
    needed = frozenset(NEEDED if whole else ())
    stranger = Phrase("not named like a table of facts")
    return FolderLayout(forms, needed, stranger, _explain_stranger, _explain_missing, _read_typed)


def _explain_stranger(tables: str) -> Phrase:
    return Phrase("move it away, or name it like one of {0}", tables)


def _explain_missing(form: TableForm) -> Phrase:
    return Phrase(
        "add {0}; where there are no rows, with its first line only (releve outbound start)",
        BilingualPhrase(f"{form.table}.csv", form.naming.fr),
    )


def _read_typed(data: bytes) -> RawGrid:
    """Return a Parquet file as it is typed."""
    frame = read_parquet(data)
    header = pl.DataFrame({str(i): [name] for i, name in enumerate(frame.columns)})
    return RawGrid(header, np.ones(1, dtype=np.int64), frame.width, typed=frame)


FACT_LABELS: Mapping[str, Words] = {
    "consents": Words("Consentement", "Consent"),
    "withdrawals": Words("Retrait du consentement", "Withdrawal of consent"),
    "contracts": Words("Contrat", "Contract"),
    "callbacks": Words("Demande de rappel", "Request to be called"),
    "refusals": Words("Refus en appel", "Refusal in a call"),
    "attempts": Words("Tentative", "Attempt"),
    "listings": Words("Liste d'opposition", "Opposition list"),
}
"""What one row of each table is."""

COLUMN_LABELS: Mapping[str, Words] = {
    "act": Words("acte positif", "positive act"),
    "basis": Words("fondement de l'appel", "basis of the call"),
    "channel": Words("canal", "channel"),
    "client": Words("donneur d'ordre", "client"),
    "collector": Words("recueilli par", "collected by"),
    "consent": Words("consentement", "consent"),
    "first": Words("du", "from"),
    "id": Words("référence", "reference"),
    "in_call": Words("demandé pendant un appel", "asked during a call"),
    "items": Words("mentions de la demande", "items of the request"),
    "kind": Words("nature", "kind"),
    "last": Words("au", "to"),
    "list": Words("liste", "list"),
    "named": Words("distributeur connu", "distributor known"),
    "objects": Words("objet", "object"),
    "outcome": Words("issue", "outcome"),
    "provider": Words("prestataire", "provider"),
    "purpose": Words("but", "purpose"),
    "slot_from": Words("accepté à partir du", "accepted from"),
    "slot_to": Words("accepté jusqu'au", "accepted to"),
    "third_party": Words("tiers", "third party"),
    "unreadable": Words("date illisible", "the date cannot be read"),
    "until": Words("jusqu'au", "until"),
    "wording": Words("texte", "wording"),
    "wording_version": Words("version du texte", "version of the wording"),
}
"""The columns of the tables, as they stand before a value."""

_YES = Words("oui", "yes")


def format_cell(table: str, column: str, value: Any, language: str) -> str:
    """Return a value of a fact in words: of its vocabulary where its column holds such words.

    A day or an instant is left to the caller, who knows how the page writes them: ValueError.
    """
    if isinstance(value, date):
        raise ValueError(f"{table}.{column} must be no day and no instant, got {value}")
    if value is True:
        return _YES.of(language)
    if column == "unreadable":
        return REASONS[value].of(language)
    if column == "basis":
        return format_basis(value, language)
    name = list_word_columns().get(table, {}).get(column)
    if name is None:
        return str(value)
    words = value if isinstance(value, tuple) else (value,)
    return join_phrases([word_label(name, word, language) for word in words], language)


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = r"\+[0-9][0-9 .()\u00a0\u202f]*"
"""A telephone number may begin with its +: digits and spaces do nothing."""


def escape_cell(value: Any) -> Any:
    """Return a value as a spreadsheet shows it; what would be a formula begins with a quote."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else ""
    return f"'{text}" if text.startswith(_FORMULA) and not re.fullmatch(_NUMBER, text) else value


def escape_column(name: str) -> pl.Expr:
    """Return a column of text with :func:`harmless` done to each cell; null stays null."""
    column = pl.col(name)
    formula = column.str.head(1).is_in(_FORMULA) & ~column.str.contains(f"^{_NUMBER}$")
    return pl.when(formula).then(pl.lit("'") + column).otherwise(column).alias(name)
