"""A member's contribution to the bulletin of a day (canonical JSON, Ed25519); drawings of a sector.

A contribution holds a random number, so that its digest, which the bulletin shows, cannot be found
by trying figures. It names no client, programme, site or person; of health it holds how many sites
are closed, whatever the cause.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from releve.errors import Phrase
from releve.kernels.arrays import Floats
from releve.plugins.sector.engine.crash import SectorAnswer, SectorCrash
from releve.plugins.sector.engine.needs import SectorError, compare_formats

FORMAT = "releve contribution 1"
TAG = b"releve contribution 1\n"
SIGNED_TAG = b"releve sector signature 1\n"
ALL = "all"
"""In place of a destination: a figure of the operator as a whole."""
MOST = 10_000_000
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_DESTINATION = re.compile(r"[A-Z]{2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

Cell = tuple[str, str]
"""A measure, and a destination or ``all``."""


class ContributionError(SectorError):
    """A contribution that is refused; ``code`` says why in one word, the message how to mend it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.args[0])


@dataclass(frozen=True, slots=True)
class BulletinMeasure:
    """A figure of the bulletin.

    ``persistent``: from one day to the next a member's figure hardly changes, so that a member that
    goes to zero or comes back shows in the total. ``with_measure`` is hidden wherever this one is.
    """

    id: str
    by_destination: bool = True
    persistent: bool = True
    with_measure: str = ""


MEASURES = {
    row.id: row
    for row in (
        BulletinMeasure("agents_on_site"),
        BulletinMeasure("agents_at_home"),
        BulletinMeasure("sites_open"),
        BulletinMeasure("sites_closed"),
        BulletinMeasure("relief_spare", persistent=False),
        BulletinMeasure("relief_wanted", persistent=False),
        BulletinMeasure("calls_offered", by_destination=False, with_measure="calls_answered"),
        BulletinMeasure("calls_answered", by_destination=False, with_measure="calls_offered"),
    )
}
"""Measure -> its row, in the order of the bulletin."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a member contributes for a day; ``seats`` check the figures and are never published.

    ``design`` is the digest of the month's design, ``corrects`` that of the contribution that this
    one replaces, or empty. A figure that is left out of ``figures`` is not reported, which is not
    zero. In masked mode ``figures`` and ``seats`` are empty and ``masked`` holds numbers below 2^64
    that say nothing of themselves.
    """

    association: str
    member: str
    day: date
    design: str
    figures: Mapping[Cell, int]
    seats: Mapping[str, int]
    made_at: datetime
    nonce: str
    software: str
    corrects: str = ""
    masked: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("association", "member"):
            if not _IDENTIFIER.fullmatch(getattr(self, name)):
                raise _fault(Phrase("{0} must be lower-case letters, digits and dashes, got {1!r}",
                             name, getattr(self, name)))  # fmt: skip
        if not _DIGEST.fullmatch(self.nonce):
            raise _fault(Phrase("nonce must be 64 hex digits, got {0!r}", self.nonce))
        if self.made_at.tzinfo is None:
            raise _fault(Phrase("made_at must have a time zone, got {0}", self.made_at))
        if self.masked and (self.figures or self.seats or self.corrects):
            raise _fault(Phrase("a masked contribution holds no figures, seats or correction beside"))
        if not all(type(number) is int and 0 <= number < 2**64 for number in self.masked):
            raise _fault(Phrase("masked numbers are whole and below 2^64"))
        for (measure, where), count in self.figures.items():
            row = MEASURES.get(measure)
            if row is None:
                raise _fault(Phrase("{0} is not a figure of the bulletin: remove it", measure))
            if not (_DESTINATION.fullmatch(where) if row.by_destination else where == ALL):
                raise _fault(Phrase(
                    "{0} stands under a country of two letters, or under all where it is of the"
                    " operator as a whole; got {1!r}", measure, where,
                ))  # fmt: skip
            _check_count(f"{measure} {where}", count)
        for where, count in self.seats.items():
            _check_count(f"seats {where}", count)
        self._check_possible()

    def _check_possible(self) -> None:
        for (measure, where), count in self.figures.items():
            if measure == "agents_on_site" and count > self.seats.get(where, 0):
                raise ContributionError("impossible", Phrase(
                    "{0} agents on site in {1}, which has {2} seats: correct one of them",
                    count, where, self.seats.get(where, 0),
                ))  # fmt: skip
        offered = self.figures.get(("calls_offered", ALL), 0)
        answered = self.figures.get(("calls_answered", ALL), 0)
        if answered > offered:
            raise ContributionError(
                "impossible", Phrase("{0} calls answered of {1} offered: correct one of them", answered, offered)
            )

    @property
    def text(self) -> str:
        """The canonical JSON, which is signed and sent."""
        figures: dict[str, dict[str, int]] = {}
        for (measure, where), count in self.figures.items():
            figures.setdefault(measure, {})[where] = count
        return rfc8785.dumps(
            {
                "association": self.association,
                "corrects": self.corrects,
                "day": self.day.isoformat(),
                "design": self.design,
                "figures": figures,
                "format": FORMAT,
                "made_at": self.made_at.isoformat(timespec="seconds"),
                "masked": [f"{number:016x}" for number in self.masked],
                "member": self.member,
                "nonce": self.nonce,
                "seats": {where: count for where, count in self.seats.items() if count},
                "software": self.software,
            }
        ).decode()


def parse_contribution(text: str) -> Contribution:
    """Return the contribution that a text holds; ContributionError unless it is exactly that."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _fault(Phrase("a contribution is JSON: {0}", str(error))) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        got = found.get("format") if isinstance(found, dict) else None
        raise ContributionError("version", compare_formats(FORMAT, got))
    try:
        read = Contribution(
            association=found["association"],
            member=found["member"],
            day=date.fromisoformat(found["day"]),
            design=found["design"],
            figures={
                (measure, where): count
                for measure, counts in found["figures"].items()
                for where, count in counts.items()
            },
            seats=dict(found["seats"]),
            made_at=datetime.fromisoformat(found["made_at"]),
            nonce=found["nonce"],
            software=found["software"],
            corrects=found["corrects"],
            masked=tuple(int(number, 16) for number in found["masked"]),
        )
        same = read.text == text
    except ContributionError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _fault(Phrase("a field is missing or has another type: {0}", str(error))) from error
    if not same:
        raise _fault(Phrase("a contribution is canonical JSON with the fields of {0} and no other", FORMAT))
    return read


def hash_contribution(text: str) -> str:
    """Return the digest of a contribution, 64 hex digits, which the bulletin shows."""
    return hashlib.sha256(TAG + text.encode()).hexdigest()


def sign_text(text: str, key: Ed25519PrivateKey) -> str:
    """Return the signature of a contribution, a design or a bulletin, 128 hex digits.

    Each of these texts names its format, so that none passes for another.
    """
    return key.sign(SIGNED_TAG + text.encode()).hex()


def verify_text(text: str, signature: str, key: str) -> bool:
    """Return whether a text was signed by the owner of a public key (hex)."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(signature), SIGNED_TAG + text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _check_count(name: str, count: object) -> None:
    if type(count) is not int or not 0 <= count <= MOST:
        raise _fault(Phrase("{0} must be a whole number from 0 to {1}, got {2!r}", name, MOST, count))


def _fault(reason: Phrase) -> ContributionError:
    return ContributionError("format", reason)


PICTURE_WORDS = {
    "en": {
        "help": "Who could help whom",
        "help_of": "Agent half hours of a day that one operator lends another, {0} shut",
        "giver": "lends",
        "asker": "receives",
        "losses": "Calls lost a day",
        "losses_of": "{0}; mean and {1} % interval of {2} simulations",
        "alone": "each operator alone",
        "together": "with relief between operators",
        "day": "day",
        "closed": "{0}, days {1} to {2}",
    },
    "fr": {
        "help": "Qui pourrait aider qui",
        "help_of": "Demi-heures d’agent prêtées par jour d’un prestataire à l’autre, {0} fermé",
        "giver": "prête",
        "asker": "reçoit",
        "losses": "Appels perdus par jour",
        "losses_of": "{0}\u202f; moyenne et intervalle à {1}\u202f% de {2} simulations",
        "alone": "chacun pour soi",
        "together": "avec l’entraide entre prestataires",
        "day": "jour",
        "closed": "{0}, jours {1} à {2}",
    },
}
"""The words of the pictures by language."""
_ALONE, _TOGETHER, _INK, _FAINT = "#b3261e", "#1b5e9b", "#222222", "#888888"
_CELL, _LEFT, _TOP = 46, 110, 110
_WIDTH, _HEIGHT = 760, 420


def draw_help(names: Sequence[str], answer: SectorAnswer, destination: str, language: str = "en") -> str:
    """Return the matrix of givers (rows) and askers (columns), darker where more is lent."""
    words = PICTURE_WORDS[language]
    giver = {one.offer: one.giver for one in answer.openings.offers}
    asker = {one.request: one.asker for one in answer.openings.requests}
    lent = Counter[tuple[str, str]]()
    for match in answer.cleared.matches:
        lent[giver[match.offer], asker[match.request]] += match.agents
    most = max(lent.values(), default=1)
    width, height = _LEFT + _CELL * len(names) + 20, _TOP + _CELL * len(names) + 20
    subtitle = words["help_of"].format(destination)
    parts = [*_open(width, height, words["help"], subtitle)]
    for i, name in enumerate(names):
        middle = _CELL * i + _CELL / 2
        parts.append(_text(_LEFT - 8, _TOP + middle + 4, name, 11, "end"))
        parts.append(
            f'<text x="{_LEFT + middle:.0f}" y="{_TOP - 8}" font-size="11" fill="{_INK}"'
            f' transform="rotate(-45 {_LEFT + middle:.0f} {_TOP - 8})">{escape(name)}</text>'
        )
        for k, other in enumerate(names):
            count = lent[name, other]
            shade = 0.08 + 0.92 * count / most if count else 0.0
            x, y = _LEFT + _CELL * k, _TOP + _CELL * i
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}"'
                f' fill="{_TOGETHER}" fill-opacity="{shade:.2f}" stroke="#dddddd">'
                f"<title>{escape(name)} {words['giver']}, {escape(other)} {words['asker']}:"
                f" {count}</title></rect>"
            )
            if count:
                ink = "#ffffff" if shade > 0.5 else _INK
                parts.append(_text(x + _CELL / 2 - 1, y + _CELL / 2 + 4, str(count), 11, "middle", ink))
    return "\n".join([*parts, "</svg>", ""])


def draw_losses(crash: SectorCrash, language: str = "en") -> str:
    """Return the calls lost a day, all operators together, with and without help."""
    words = PICTURE_WORDS[language]
    windows = "; ".join(
        words["closed"].format(one.destination, one.first_day + 1, one.last_day + 1) for one in crash.windows
    ).replace("; ", "\u202f; " if language == "fr" else "; ")
    subtitle = words["losses_of"].format(windows, round(100 * crash.level), len(crash.alone))
    parts = [*_open(_WIDTH, _HEIGHT, words["losses"], subtitle)]
    alone, together = crash.alone.sum(axis=2), crash.together.sum(axis=2)
    edge = (1 - crash.level) / 2
    highest = float(np.quantile(np.maximum(alone, together), 1 - edge, axis=0).max())
    step = _round_step(highest / 4)
    top = step * max(1, ceil(highest / step))
    days = alone.shape[1]
    left, right, upper, lower = 80, _WIDTH - 20, 90, _HEIGHT - 60

    def at(day: float, lost: float) -> str:
        x = left + (right - left) * (day + 0.5) / days
        return f"{x:.1f},{lower - (lower - upper) * lost / top:.1f}"

    for count in range(0, top + 1, step):
        y = lower - (lower - upper) * count / top
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(_text(left - 8, y + 4, _write_number(count, language), 11, "end"))
    for day in range(0, days, 7):
        x = float(at(day, 0).split(",")[0])
        parts.append(_text(x, lower + 18, str(day + 1), 11, "middle"))
    parts.append(_text((left + right) / 2, lower + 36, words["day"], 11, "middle"))
    for lost, colour, name, y in ((alone, _ALONE, words["alone"], 66), (together, _TOGETHER, words["together"], 82)):
        parts += _draw_band(lost, edge, at, colour)
        parts.append(f'<rect x="{left}" y="{y - 9}" width="14" height="10" fill="{colour}"/>')
        parts.append(_text(left + 20, y, name, 12, "start"))
    return "\n".join([*parts, "</svg>", ""])


def _round_step(least: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50 ... that is not below a number."""
    tens = 1
    while 10 * tens < least:
        tens *= 10
    return next(tens * one for one in (1, 2, 5, 10) if tens * one >= least)


def _draw_band(lost: Floats, edge: float, at: Callable[[float, float], str], colour: str) -> Iterator[str]:
    days = range(lost.shape[1])
    low, high = (np.quantile(lost, share, axis=0) for share in (edge, 1 - edge))
    corners = [at(d, high[d]) for d in days] + [at(d, low[d]) for d in reversed(days)]
    yield f'<polygon points="{" ".join(corners)}" fill="{colour}" fill-opacity="0.18"/>'
    line = " ".join(at(d, lost[:, d].mean()) for d in days)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _open(width: int, height: int, title: str, subtitle: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif">'
    )
    yield f"<title>{escape(title)}</title><desc>{escape(subtitle)}</desc>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield _text(20, 26, title, 17, "start")
    yield _text(20, 46, subtitle, 12, "start", _FAINT)


def _text(x: float, y: float, text: str, size: int, anchor: str, ink: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{ink}">{escape(text)}</text>'


def _write_number(value: float, language: str) -> str:
    text = f"{value:,.0f}"
    return text.replace(",", "\u202f") if language == "fr" else text
