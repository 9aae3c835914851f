"""What a dialler or a proxy asks, and what it is told: a few short words each way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["REFUSALS", "Question", "Reply", "allow", "no_answer", "question_of", "refuse"]

REFUSALS: Mapping[str, str] = {
    "GATE-CALL": "the question cannot be read, or its call id was used before",
    "GATE-CAMPAIGN": "the campaign is unknown, or not running on this day",
    "GATE-WHO": "the person named is not known to hold the number",
    "GATE-KEY": "the key of the pseudonyms is missing, or not the one of the database",
    "GATE-CLOCK": "the clocks of gate and database differ, or one has gone back",
    "GATE-DATABASE": "the database does not answer",
    "GATE-LATE": "it could not be decided within the time allowed",
    "GATE-BUSY": "too many questions wait already",
    "GATE-FAULT": "an error of the gate itself; its log says which",
}
"""Refusals of the gate itself; none of them is a decision, and none is stored."""

_FIELDS = {"to": 40, "cli": 40, "camp": 128, "ci": 255, "cs": 10, "who": 255, "agent": 64}
_MUST = ("to", "camp", "ci", "cs")
_CSEQ = re.compile(r"[0-9]{1,10}")
_LARGEST_CSEQ = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Question:
    """May this call be placed? ``ci`` and ``cs`` name it: a repeat has the same.

    ``to`` is the number called, ``cli`` the number shown (empty: hidden), ``camp`` the campaign;
    ``who`` the person, where the number does not tell; ``agent`` a pseudonym, for the evidence.
    """

    to: str
    camp: str
    ci: str
    cs: int
    cli: str = ""
    who: str = ""
    agent: str = ""

    @property
    def ref(self) -> str:
        """Return the name of the attempt."""
        return f"{self.ci}/{self.cs}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status, the text, and the rows that refuse, for a header."""

    status: int
    text: str
    reasons: str = ""


def allow(decision: int | str) -> Reply:
    """Return the one reply that lets a call out."""
    return Reply(200, f"allow {decision}\n")


def refuse(rules: str) -> Reply:
    """Return the refusal of a decision: the ids of its rows, by ``|``."""
    reasons = rules.replace("|", " ")
    return Reply(403, f"refuse {reasons}\n", reasons)


def no_answer(reason: str) -> Reply:
    """Return a refusal of the gate itself, whatever the call."""
    status = {"GATE-CALL": 400, "GATE-CAMPAIGN": 403, "GATE-WHO": 403}.get(reason, 503)
    return Reply(status, f"refuse {reason}\n", reason)


def question_of(query: str) -> Question | None:
    """Return the question of a query or a form, None when it cannot be read.

    A ``+`` stands for itself: proxies send numbers as they are.
    """
    told: dict[str, str] = {}
    for part in query.replace("%2B", "+").split("&"):  # most of what is escaped
        if not part:
            continue
        name, _, value = part.partition("=")
        if name in told or name not in _FIELDS:
            return None
        told[name] = value = (unquote(value) if "%" in value else value).strip()
        if len(value) > _FIELDS[name] or not value.isprintable():
            return None
    if not all(map(told.get, _MUST)) or not _CSEQ.fullmatch(told["cs"]):
        return None
    if not told["ci"].isascii():  # the answer repeats it
        return None
    cseq = int(told.pop("cs"))
    return Question(cs=cseq, **told) if cseq <= _LARGEST_CSEQ else None
