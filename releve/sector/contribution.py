"""A member's contribution to the bulletin of a day: counts, canonical JSON, Ed25519.

A contribution holds a random number, so that its digest, which the bulletin shows, cannot be found
by trying figures. It names no client, programme, site or person; of health it holds how many sites
are closed, whatever the cause.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from releve.errors import Phrase
from releve.sector.openings import SectorError, compare_formats

__all__ = [
    "ALL",
    "MEASURES",
    "BulletinMeasure",
    "Cell",
    "Contribution",
    "ContributionError",
    "hash_contribution",
    "parse_contribution",
    "sign_text",
    "verify_text",
]

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
            raise _fault(
                Phrase("a masked contribution holds no figures, seats or correction beside")
            )
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
            raise ContributionError("impossible", Phrase(
                "{0} calls answered of {1} offered: correct one of them", answered, offered
            ))  # fmt: skip

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
        raise _fault(
            Phrase("a contribution is canonical JSON with the fields of {0} and no other", FORMAT)
        )
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
        raise _fault(
            Phrase("{0} must be a whole number from 0 to {1}, got {2!r}", name, MOST, count)
        )


def _fault(reason: Phrase) -> ContributionError:
    return ContributionError("format", reason)
