"""The question of a dialler or a proxy and the reply of the gate, a few short words each way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from releve.plugins.outbound.engine.legal_rows import Words
from releve.plugins.outbound.engine.numbers import strip_separators

REFUSALS: Mapping[str, Words] = {
    "GATE-CALL": Words(
        "La question ne peut pas être lue, ou l'identifiant de l'appel a déjà servi.",
        "The question cannot be read, or its call id was used before.",
    ),
    "GATE-CAMPAIGN": Words(
        "La campagne est inconnue, ou n'est pas en cours ce jour-là.",
        "The campaign is unknown, or not running on this day.",
    ),
    "GATE-CALLER": Words(
        "L'appelant du contrôle d'appel est inconnu, ou n'appelle pas pour cette campagne.",
        "The caller of the gate is unknown, or does not dial for this campaign.",
    ),
    "GATE-WHO": Words(
        "La personne nommée n'est pas connue sous ce numéro.", "The person named is not known to hold the number."
    ),
    "GATE-KEY": Words(
        "La clé des pseudonymes manque, ou n'est pas celle de la base.",
        "The key of the pseudonyms is missing, or not the one of the database.",
    ),
    "GATE-RESTORED": Words(
        "Une sauvegarde a été remise en place ; les registres n'ont pas été relus depuis.",
        "A backup was put back; the registers have not been read since.",
    ),
    "GATE-BEHIND": Words(
        "La base de données est en retard sur ses racines signées ; `releve doctor` dit comment y remédier.",
        "The database is behind its signed roots; `releve doctor` says how to mend it.",
    ),
    "GATE-CLOCK": Words(
        "Les horloges du contrôle d'appel et de la base diffèrent, ou l'une a reculé.",
        "The clocks of gate and database differ, or one has gone back.",
    ),
    "GATE-DATABASE": Words("La base de données ne répond pas.", "The database does not answer."),
    "GATE-LATE": Words(
        "La décision n'a pas pu être prise dans le délai permis.", "It could not be decided within the time allowed."
    ),
    "GATE-BUSY": Words("Trop de questions attendent déjà.", "Too many questions wait already."),
    "GATE-FAULT": Words(
        "Le contrôle d'appel a rencontré une erreur ; son journal dit laquelle.",
        "An error of the gate itself; its log says which.",
    ),
}
"""Refusals of the gate itself; none of them is a decision, and none is stored."""

_STATUSES = {"GATE-CALL": 400, "GATE-CALLER": 401, "GATE-CAMPAIGN": 403, "GATE-WHO": 403}

_FIELDS = {"to": 40, "cli": 40, "camp": 128, "ci": 255, "cs": 10, "who": 255, "agent": 64, "began": 20}
_MUST = ("to", "camp", "ci", "cs")
_NUMBERS = ("to", "cli")
_CSEQ = re.compile(r"[0-9]{1,10}")
_BEGAN = re.compile(r"[0-9]{1,10}\.[0-9]{6}")
_LARGEST_CSEQ = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Question:
    """May this call be placed? ``ci`` and ``cs`` name it: a repeat has the same.

    ``to`` is the number called, ``cli`` the number shown (empty: hidden), ``camp`` the campaign;
    ``who`` the person, where several hold the number; ``agent`` a pseudonym, for the evidence.
    ``began`` names the SIP transaction, where a proxy asks whose records are read: the seconds
    since 1970 at which it took the call. ``explain``: the reply says why, when next and by which
    exception.
    """

    to: str
    camp: str
    ci: str
    cs: int
    cli: str = ""
    who: str = ""
    agent: str = ""
    began: str = ""
    explain: bool = False

    @property
    def ref(self) -> str:
        return f"{self.ci}/{self.cs}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status, the text, the rows that refuse, for a header, and what explains them."""

    status: int
    text: str
    reasons: str = ""
    document: Mapping[str, Any] | None = None


def allow_call(decision: int | str, document: Mapping[str, Any] | None = None) -> Reply:
    """Return the one reply that lets a call out."""
    return Reply(200, f"allow {decision}\n", "", document)


def refuse_call(rules: str, document: Mapping[str, Any] | None = None) -> Reply:
    """Return the refusal of a decision: the ids of its rows, by ``|``."""
    reasons = rules.replace("|", " ")
    return Reply(403, f"refuse {reasons}\n", reasons, document)


def refuse_unjudged(reason: str) -> Reply:
    """Return a refusal of the gate itself, whatever the call."""
    status = _STATUSES.get(reason, 503)
    return Reply(status, f"refuse {reason}\n", reason)


def parse_question(query: str, *, explain: bool = False) -> Question | None:
    """Return the question of a query or a form, None when it cannot be read.

    A ``+`` stands for itself: proxies send numbers as they are.
    """
    fields: dict[str, str] = {}
    for part in query.replace("%2B", "+").split("&"):  # most of what is escaped
        if not part:
            continue
        name, _, value = part.partition("=")
        if name in fields or name not in _FIELDS:
            return None
        value = (unquote(value) if "%" in value else value).strip()
        if name in _NUMBERS and not value.isprintable():  # as a table reads it
            value = strip_separators(value)
        fields[name] = value
        if len(value) > _FIELDS[name] or not value.isprintable():
            return None
    if not all(map(fields.get, _MUST)) or not _CSEQ.fullmatch(fields["cs"]):
        return None
    if not _BEGAN.fullmatch(fields.get("began") or "0.000000"):
        return None
    if not fields["ci"].isascii():  # the answer repeats it
        return None
    cseq = int(fields.pop("cs"))
    return Question(cs=cseq, explain=explain, **fields) if cseq <= _LARGEST_CSEQ else None
