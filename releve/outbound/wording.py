"""Sentences for people, in French and English: dates, places and reasons in their language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from releve.network.clock import zone
from releve.outbound.rows import LEGAL_ZONE, Words

__all__ = ["REASONS", "day_text", "moment_text", "sentence"]

_MONTHS = (
    (
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ),
    (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
)
_WEEKDAYS = (
    (
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
    ),
    (
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ),
)
REASONS: dict[str, Words] = {
    "empty": Words("vide", "empty"),
    "malformed": Words("mal formé", "malformed"),
    "leading-zero-lost": Words(
        "neuf chiffres : un zéro initial perdu, sans doute par un tableur",
        "nine digits: a leading zero lost, probably by a spreadsheet",
    ),
    "spreadsheet-figure": Words("chiffre de tableur", "a spreadsheet's figure"),
    "wrong-length": Words("longueur fausse", "wrong length"),
    "not-a-subscriber": Words("numéro de service", "a service number"),
    "not-allocated": Words("tranche non attribuée", "range not allocated"),
    "foreign": Words("pays sans règles chargées", "a country without rules here"),
    "no-rules": Words("aucune règle ce jour-là", "no rule on that day"),
    "address-unreadable": Words("adresse illisible", "address cannot be read"),
    "no-person": Words("numéro sans titulaire connu", "nobody known under the number"),
    "several-persons": Words(
        "plusieurs personnes sous ce numéro", "several persons under the number"
    ),
    "no-date": Words("sans date", "no date"),
    "no-offset": Words("sans décalage horaire", "no offset"),
    "spreadsheet-serial": Words("numéro de série de tableur", "a spreadsheet's serial"),
    "after-recording": Words("postérieure à son enregistrement", "later than its recording"),
    "identity": Words("l'identité et la nature des biens", "the identity and the nature of goods"),
    "choice": Words("le choix d'accepter ou non", "the choice to accept or not"),
    "period": Words("la durée", "the period"),
    "withdrawal": Words("le droit de retrait", "the right to withdraw"),
    "proof_access": Words("l'accès à la preuve", "the access to the proof"),
    "positive_act": Words("un acte positif", "a positive act"),
    "object": Words("autre objet", "another object"),
    "slot": Words("autre créneau", "another slot"),
    "consents": Words("consentements", "consents"),
    "withdrawals": Words("retraits", "withdrawals"),
    "refusals": Words("refus", "refusals"),
    "attempts": Words("tentatives", "attempts"),
    "geographic": Words("géographique 01-05", "geographic 01-05"),
    "non-geographic-09": Words("09", "09"),
    "mobile": Words("mobile 06/07", "mobile 06/07"),
    "shared-cost-08": Words("08 à tarif majoré", "08 at a surcharge"),
    "premium-089": Words("089", "089"),
    "short-3bpq": Words("court 3BPQ", "short 3BPQ"),
    "directory-118": Words("118XYZ", "118XYZ"),
    "manual": Words("manuelle", "manual"),
    "progressive": Words("progressive", "progressive"),
    "predictive": Words("prédictive", "predictive"),
    "robot": Words("robot d'appel", "robot"),
    "voice-message": Words("message vocal", "voice message"),
    "ai-agent": Words("agent vocal d'IA", "AI voice agent"),
}


def sentence(words: Words, quotes: Mapping[str, Any], language: str) -> str:
    """Return a row's sentence with what it quotes said in a language; ``fr`` or ``en``."""
    said = {name: _said(value, language) for name, value in quotes.items()}
    return words.of(language).format_map(said)


def _said(value: Any, language: str) -> str:
    if isinstance(value, Words):
        return value.of(language)
    if isinstance(value, datetime):
        return moment_text(value, language)
    if isinstance(value, date):
        return day_text(value, language)
    if isinstance(value, tuple):
        return ", ".join(_said(item, language) for item in value)
    if isinstance(value, float):
        text = f"{value:.1f}".removesuffix(".0")
        return text.replace(".", ",") if language == "fr" else text
    if value is None:
        return "jamais" if language == "fr" else "never"
    known = REASONS.get(str(value))
    return str(value) if known is None else known.of(language)


def day_text(day: date, language: str) -> str:
    """Return a day as people write it."""
    french = language == "fr"
    number = "1er" if french and day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[0 if french else 1][day.month - 1]} {day.year}"


def moment_text(moment: datetime, language: str) -> str:
    """Return an instant as people write it, on the clock that it carries; UTC is told as Paris."""
    local = moment.astimezone(zone(LEGAL_ZONE)) if moment.tzname() == "UTC" else moment
    seconds = f":{local:%S}" if local.second else ""
    if language == "fr":
        weekday = _WEEKDAYS[0][local.weekday()]
        clock = f"{local.hour}\u00a0h\u00a0{local:%M}" + (
            f"\u00a0min\u00a0{local:%S}" if seconds else ""
        )
        return f"{weekday} {day_text(local.date(), 'fr')} à {clock}"
    weekday = _WEEKDAYS[1][local.weekday()]
    return f"{weekday} {day_text(local.date(), 'en')} at {local:%H:%M}{seconds}"
