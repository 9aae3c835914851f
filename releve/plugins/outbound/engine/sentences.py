"""Sentences for people, in French and English: a row's words with what its check quoted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from releve.plugins.outbound.engine.legal_rows import LegalRow, Words
from releve.plugins.outbound.engine.phrases import PHRASES, join_phrases
from releve.plugins.outbound.engine.row_text import format_day, format_instant

REASONS: Mapping[str, Words] = {
    "empty": Words("il manque", "it is missing"),
    "malformed": Words(
        "il n'a pas la forme d'un numéro de téléphone", "it does not have the form of a telephone number"
    ),
    "foreign-digits": Words(
        "il contient des chiffres d'une autre écriture que 0 à 9", "it has digits of a script other than 0 to 9"
    ),
    "leading-zero-lost": Words(
        "il n'a que neuf chiffres, son zéro initial a sans doute été perdu dans un tableur",
        "it has only nine digits, its leading zero was probably lost in a spreadsheet",
    ),
    "spreadsheet-figure": Words("un tableur l'a transformé en nombre", "a spreadsheet turned it into a figure"),
    "wrong-length": Words("il n'a pas le bon nombre de chiffres", "it does not have the right number of digits"),
    "not-a-subscriber": Words(
        "c'est un numéro de service, non celui d'une personne", "it is a service's number, not a person's"
    ),
    "not-allocated": Words(
        "le plan de numérotation n'attribue pas sa tranche", "the numbering plan does not allocate its range"
    ),
    "foreign": Words(
        "la personne est dans un pays dont les règles ne sont pas chargées",
        "the person is in a country whose rules are not loaded",
    ),
    "no-rules": Words("aucune règle ne couvre le jour de l'appel", "no rule covers the day of the call"),
    "address-unreadable": Words(
        "son adresse n'est ni un code postal français ni un territoire connu",
        "the address is neither a French postcode nor a known territory",
    ),
    "no-person": Words("aucune personne n'est connue sous ce numéro", "no person is known under this number"),
    "several-persons": Words(
        "plusieurs personnes sont connues sous ce numéro", "several persons are known under this number"
    ),
    "no-date": Words(
        "elle manque, ou n'est pas écrite comme une date avec son heure",
        "it is missing, or not written as a date with its time",
    ),
    "no-offset": Words("elle n'indique pas son fuseau horaire", "it does not give its time zone"),
    "month-first": Words(
        "elle est dans une colonne où des dates ont le mois en premier",
        "it stands in a column that has dates with the month first",
    ),
    "spreadsheet-serial": Words("un tableur l'a remplacée par un nombre", "a spreadsheet replaced it by a figure"),
    "after-recording": Words("elle est postérieure à son enregistrement", "it is later than its recording"),
    "geographic": Words("un numéro géographique (01 à 05)", "a geographic number (01 to 05)"),
    "non-geographic-09": Words("un numéro non géographique (09)", "a non-geographic number (09)"),
    "mobile": Words("un numéro mobile (06 ou 07)", "a mobile number (06 or 07)"),
    "shared-cost-08": Words("un numéro à tarif majoré (08)", "a shared-cost number (08)"),
    "premium-089": Words("un numéro surtaxé (089)", "a premium-rate number (089)"),
    "short-3bpq": Words(
        "un numéro court surtaxé (quatre chiffres, de 3200 à 3999)",
        "a premium-rate short number (four digits, 3200 to 3999)",
    ),
    "free-or-ordinary-08": Words("un numéro gratuit ou banalisé (08)", "a free or ordinary number (08)"),
    "short-ordinary": Words("un numéro court non surtaxé", "a short number without premium rate"),
    "npv": Words("un numéro polyvalent vérifié", "a verified multipurpose number"),
    "overseas": Words("un numéro d'outre-mer", "an overseas number"),
    "es-geographic": Words("un numéro fixe espagnol", "a Spanish fixed number"),
    "es-mobile": Words("un numéro mobile espagnol", "a Spanish mobile number"),
    "es-free": Words("un numéro gratuit espagnol", "a Spanish free number"),
    "es-premium": Words("un numéro surtaxé espagnol", "a Spanish premium-rate number"),
    "be-geographic": Words("un numéro fixe belge", "a Belgian fixed number"),
    "be-mobile": Words("un numéro mobile belge", "a Belgian mobile number"),
    "be-free": Words("un numéro gratuit belge", "a Belgian free number"),
    "be-premium": Words("un numéro surtaxé belge", "a Belgian premium-rate number"),
    "it-geographic": Words("un numéro fixe italien", "an Italian fixed number"),
    "it-mobile": Words("un numéro mobile italien", "an Italian mobile number"),
    "it-free-or-premium": Words("un numéro gratuit ou surtaxé italien", "an Italian free or premium-rate number"),
    "directory-118": Words("un numéro de renseignements (118)", "a directory enquiries number (118)"),
}
"""What is wrong with a number, a place, a person or a date, and the classes of numbers shown."""


def render_sentence(words: Words, row: LegalRow, quotes: Mapping[str, Any], language: str) -> str:
    """Return a row's words with what was quoted said in a language; ``fr`` or ``en``."""
    said = {name: _format_quote(value, language) for name, value in quotes.items()}
    phrases = PHRASES.get(row.kind)
    if phrases is not None:
        said |= phrases(row, quotes, language)
    return words.of(language).format_map(said)


def render_outline(row: LegalRow, language: str) -> str:
    """Return what a row refuses with, gaps for a call's own figures; empty where it never does."""
    said = [words.of(language) for words in (row.refuses, row.remedy) if words is not None]
    return re.sub(r"\{\w+\}", "…", " ".join(said))


def _format_quote(value: Any, language: str) -> str:
    if isinstance(value, Words):
        return value.of(language)
    if isinstance(value, datetime):
        return format_instant(value, language)
    if isinstance(value, date):
        return format_day(value, language)
    if isinstance(value, tuple):
        return join_phrases([_format_quote(one, language) for one in value], language) if value else "—"
    if isinstance(value, float):
        text = f"{value:.1f}".removesuffix(".0")
        return text.replace(".", ",") if language == "fr" else text
    known = REASONS.get(str(value))
    return str(value) if known is None else known.of(language)
