"""Facts about a person in words, French or English: their tables, columns and values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from releve.outbound.legal_rows import Words
from releve.outbound.phrases import format_basis, join_phrases, word_label
from releve.outbound.sentences import REASONS
from releve.outbound.vocabulary import list_word_columns

__all__ = ["COLUMN_LABELS", "FACT_LABELS", "format_cell"]

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
