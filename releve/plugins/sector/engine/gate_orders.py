"""The gate of a clearing, and what members send for it: sealed offers and requests.

The clerk announces a gate, signed. Before it closes a member sends a ``commit`` (commitments of its
offers) and a ``request``, whose reference says nothing of the client; after it an ``open`` (offers
and nonces). Each is canonical JSON, signed by the member; a second one of a kind is refused.

A commitment is SHA-256 over a random nonce and the offer's canonical JSON: without the nonce a
small offer could be guessed. Ties are decided under a seed of the clerk's secret, whose digest the
gate announces, and of all commitments: the clerk cannot change it, and no member knows it before
the gate closes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import rfc8785

from releve.errors import Phrase
from releve.network import is_known_zone
from releve.plugins.sector.engine.contribution import ContributionError
from releve.plugins.sector.engine.needs import (
    Openings,
    SectorError,
    SectorOffer,
    SectorRequest,
    compare_formats,
    read_openings,
)

NONCE_BYTES = 16
_FORMAT = b"releve sector offer 1\n"


@dataclass(frozen=True)
class SectorGate:
    """A clearing that offers are sealed for: one clerk, one day, one instant of closing."""

    id: str
    clerk: str
    closes_at: datetime
    time_zone: str


@dataclass(frozen=True)
class SealedOffer:
    """A commitment as the clerk received it; ``giver`` signed it (the service has checked it)."""

    gate: str
    giver: str
    offer: str
    commitment: str
    received_at: datetime


@dataclass(frozen=True)
class OfferRefusal:
    """Why an offer is left out.

    ================= ============================================ ==============================
    code              the offer                                    params
    ================= ============================================ ==============================
    ``gate``          was sealed for another gate                  that gate, this gate
    ``late``          came after the gate had closed               instants of both, ISO, UTC
    ``not_opened``    was not opened
    ``other``         opens as another one                         that offer, its giver
    ``changed``       is not the one committed to, or the nonce
                      is another
    ``twice``         was committed to before
    ``not_committed`` was opened without a commitment
    ================= ============================================ ==============================
    """

    offer: str
    giver: str
    code: str
    params: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenedOffers:
    """The offers that open, in order, and why others are left out."""

    offers: tuple[SectorOffer, ...]
    refused: tuple[OfferRefusal, ...]


def seal_offer(gate: SectorGate, offer: SectorOffer, nonce: bytes) -> str:
    """Return the commitment of an offer, in hexadecimal.

    ``nonce``: 16 random bytes, used once.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"nonce must be {NONCE_BYTES} bytes, got {len(nonce)}")
    text = json.dumps(
        {"gate": gate.id, "clerk": gate.clerk, "time_zone": gate.time_zone, **asdict(offer)},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return hashlib.sha256(_FORMAT + nonce + text.encode()).hexdigest()


def open_offers(
    gate: SectorGate, sealed: Iterable[SealedOffer], opened: Mapping[str, tuple[SectorOffer, bytes]]
) -> OpenedOffers:
    """Return the offers whose commitment was in time and opens.

    ``opened[offer]``: the offer and its nonce, as its giver sent them after the gate closed. One
    bad opening does not hold up the others.
    """
    offers: dict[str, SectorOffer] = {}
    refused: list[OfferRefusal] = []
    for one in sorted(sealed, key=lambda row: (row.offer, row.received_at, row.commitment)):
        if one.offer in offers:
            refused.append(OfferRefusal(one.offer, one.giver, "twice"))
            continue
        refusal = _find_refusal(gate, one, opened.get(one.offer))
        if refusal is None:
            offers[one.offer] = opened[one.offer][0]
        else:
            refused.append(refusal)
    known = {one.offer for one in sealed}
    refused += [OfferRefusal(name, opened[name][0].giver, "not_committed") for name in sorted(set(opened) - known)]
    return OpenedOffers(tuple(sorted(offers.values())), tuple(refused))


def _find_refusal(
    gate: SectorGate, sealed: SealedOffer, opening: tuple[SectorOffer, bytes] | None
) -> OfferRefusal | None:
    def refuse(code: str, *params: str) -> OfferRefusal:
        return OfferRefusal(sealed.offer, sealed.giver, code, params)

    if sealed.gate != gate.id:
        return refuse("gate", sealed.gate, gate.id)
    if sealed.received_at >= gate.closes_at:
        return refuse("late", *(at.astimezone(UTC).isoformat(timespec="seconds")
                                for at in (sealed.received_at, gate.closes_at)))  # fmt: skip
    if opening is None:
        return refuse("not_opened")
    offer, nonce = opening
    if (offer.offer, offer.giver) != (sealed.offer, sealed.giver):
        return refuse("other", offer.offer, offer.giver)
    if len(nonce) != NONCE_BYTES or seal_offer(gate, offer, nonce) != sealed.commitment:
        return refuse("changed")
    return None


GATE_FORMAT = "releve sector gate 1"
ORDER_FORMAT = "releve sector order 1"
RESULT_FORMAT = "releve sector result 2"
COMMIT, REQUEST, OPEN = "commit", "request", "open"
MOST_ROWS = 200
"""Offers or requests of a member at a gate; no member has more packages, or programmes in need."""
MOST_APPROVALS = 2000
MOST_HALF_HOURS, MOST_AGENTS = 50, 10_000
"""Half hours of a day when clocks are set back; more agents than any need."""
_PLAIN = ("kind", "gate", "association", "member", "made_at", "software", "contract_key")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NONCE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class GateNotice:
    """A clearing as the clerk announces it; half hours are those of ``day`` in ``time_zone``.

    ``seed_digest`` binds the clerk's secret. ``contract_key`` is the key (hex) by which the clerk
    signs steps of contracts.
    """

    gate: str
    association: str
    day: date
    time_zone: str
    closes_at: datetime
    opens_until: datetime
    seed_digest: str
    contract_key: str

    def __post_init__(self) -> None:
        for name in ("gate", "association"):
            if not _NAME.fullmatch(getattr(self, name)):
                raise _fault(Phrase("{0} must be lower-case letters, digits and dashes, got {1!r}",
                             name, getattr(self, name)))  # fmt: skip
        if not is_known_zone(self.time_zone):
            raise _fault(Phrase("time_zone {0!r} is not known: write one like Europe/Paris", self.time_zone))
        if self.closes_at.tzinfo is None or self.opens_until.tzinfo is None:
            raise _fault(Phrase("closes_at and opens_until need a time zone"))
        if self.closes_at >= self.opens_until:
            raise _fault(Phrase("closes_at must be before opens_until"))

    @property
    def text(self) -> str:
        """The canonical JSON, which the clerk signs."""
        return _write(GATE_FORMAT, asdict(self))

    @property
    def sector_gate(self) -> SectorGate:
        """The gate that offers are sealed for."""
        return SectorGate(self.gate, self.association, self.closes_at, self.time_zone)


@dataclass(frozen=True, slots=True)
class GateOrder:
    """A member's message for a gate; what a kind does not use stays empty.

    ``commitments`` by offer, ``nonces`` (hex) by offer. ``contract_key``: the key by which the
    member signs steps of contracts, which the clerk hands to its partners.
    """

    kind: str
    gate: str
    association: str
    member: str
    made_at: datetime
    software: str
    contract_key: str
    commitments: Mapping[str, str] = field(default_factory=dict)
    offers: Sequence[SectorOffer] = ()
    nonces: Mapping[str, str] = field(default_factory=dict)
    requests: Sequence[SectorRequest] = ()
    approvals: frozenset[tuple[str, str, str]] = frozenset()

    def __post_init__(self) -> None:
        if self.kind not in (COMMIT, REQUEST, OPEN):
            raise _fault(Phrase("an order is {0}, {1} or {2}, got {3!r}", COMMIT, REQUEST, OPEN, self.kind))
        if self.made_at.tzinfo is None:
            raise _fault(Phrase("made_at must have a time zone, got {0}", self.made_at))
        names = {*self.commitments, *self.nonces, *(one.offer for one in self.offers)}
        names |= {one.request for one in self.requests}
        for name in names:
            if not (_REFERENCE.fullmatch(name) and name.startswith(f"{self.member}/")):
                raise _fault(Phrase("{0!r} must begin with the member’s name and a slash", name))
        if any(one.giver != self.member for one in self.offers) or any(
            one.asker != self.member for one in self.requests
        ):
            raise _fault(Phrase("an order holds the member’s own offers and requests alone"))
        for rows, pattern in ((self.commitments, _DIGEST), (self.nonces, _NONCE)):
            if not all(pattern.fullmatch(text) for text in rows.values()):
                raise _fault(Phrase("commitments and nonces are 64 and 32 hex digits"))

    def check_size(self) -> None:
        """Refuse what would hold up a clearing; ContributionError names the limit.

        For an order that is made or taken: one that is stored stands, whatever the limits are now.
        """
        for name, rows, most in (
            (Phrase("offers"), self.commitments, MOST_ROWS),
            (Phrase("offers"), self.offers, MOST_ROWS),
            (Phrase("requests"), self.requests, MOST_ROWS),
            (Phrase("approvals"), self.approvals, MOST_APPROVALS),
        ):
            if len(rows) > most:
                raise ContributionError("size", Phrase(
                    "an order holds at most {0} {1}, this one {2}: put those with the same skill,"
                    " price and terms together", most, name, len(rows),
                ))  # fmt: skip
        asked = [one.agents for one in self.requests]
        for rows_of_one in [*asked, *(one.agents for one in self.offers)]:
            for half_hour, agents in rows_of_one:
                if half_hour >= MOST_HALF_HOURS or agents > MOST_AGENTS:
                    raise ContributionError("size", Phrase(
                        "half hour {0}, {1} agents: half hours are numbered from 0 to {2}, with at"
                        " most {3} agents each", half_hour, agents, MOST_HALF_HOURS - 1,
                        MOST_AGENTS,
                    ))  # fmt: skip

    @property
    def text(self) -> str:
        """The canonical JSON, which is signed and sent."""
        rows = {
            "offers": [asdict(one) for one in self.offers],
            "requests": [asdict(one) for one in self.requests],
            "approvals": sorted(list(one) for one in self.approvals),
            "commitments": dict(self.commitments),
            "nonces": dict(self.nonces),
        }
        plain = {name: getattr(self, name) for name in _PLAIN}
        return _write(ORDER_FORMAT, {**plain, **rows})


def parse_gate(text: str) -> GateNotice:
    """Return the gate that a text announces; ContributionError unless it is exactly that."""
    found = _load(text, GATE_FORMAT)
    try:
        for name in ("closes_at", "opens_until"):
            found[name] = datetime.fromisoformat(found[name])
        found["day"] = date.fromisoformat(found["day"])
        read = GateNotice(**found)
        same = read.text == text
    except ContributionError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _fault(Phrase("a field is missing or has another type: {0}", str(error))) from error
    return read if same else _refuse_form(GATE_FORMAT)


def parse_order(text: str) -> GateOrder:
    """Return the order that a text holds; ContributionError unless it is exactly that."""
    found = _load(text, ORDER_FORMAT)
    try:
        opened = _read_rows(found["offers"], found["requests"], found["approvals"])
        found |= {"offers": opened.offers, "requests": opened.requests,
                  "approvals": opened.approvals,
                  "made_at": datetime.fromisoformat(found["made_at"])}  # fmt: skip
        read = GateOrder(**found)
        same = read.text == text
    except ContributionError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _fault(Phrase("a field is missing or has another type: {0}", str(error))) from error
    return read if same else _refuse_form(ORDER_FORMAT)


def hide_requests(
    requests: Iterable[SectorRequest], approvals: Iterable[tuple[str, str, str]], member: str, gate: str
) -> tuple[tuple[SectorRequest, ...], frozenset[tuple[str, str, str]], dict[str, str]]:
    """Return requests and approvals by references that say nothing, and their programmes.

    A request of :func:`releve.plugins.sector.engine.needs.build_requests` is named
    ``MEMBER/PROGRAMME``.
    """
    reference: dict[str, str] = {}
    programmes: dict[str, str] = {}
    hidden = []
    for number, one in enumerate(sorted(requests), 1):
        name = f"{member}/{gate}-{number:04}"
        reference[one.request] = name
        programmes[name] = one.request.partition("/")[2]
        hidden.append(SectorRequest(name, one.asker, one.skill, one.ceiling_cents, one.agents))
    kept = frozenset((reference[name], operator, where) for name, operator, where in approvals)
    return tuple(hidden), kept, programmes


def hash_secret(secret: bytes) -> str:
    """Return the digest of the clerk's secret, which the gate announces."""
    return hashlib.sha256(b"releve sector secret 1\n" + secret).hexdigest()


def derive_seed(secret: bytes, commitments: Iterable[str]) -> bytes:
    """Return the seed of a clearing's ties from the clerk's secret and all commitments."""
    text = "\n".join(sorted(commitments)).encode()
    return hashlib.sha256(b"releve sector seed 1\n" + secret + text).digest()


def _read_rows(offers: Any, requests: Any, approvals: Any) -> Openings:
    """Return offers, requests and approvals of JSON rows; every fault of theirs at once."""
    columns = ("request", "operator", "destination")
    try:
        return read_openings(
            _expand(offers), _expand(requests), [dict(zip(columns, map(str, row), strict=True)) for row in approvals]
        )
    except ContributionError:
        raise
    except SectorError as error:
        raise ContributionError("format", error.args[0]) from error


def _expand(rows: Any) -> list[dict[str, str]]:
    """Return a row per half hour, as the tables of a clearing have them."""
    return [
        {**{name: str(value) for name, value in row.items() if name != "agents"},
         "half_hour": str(half_hour), "agents": str(agents)}
        for row in rows for half_hour, agents in row["agents"]
    ]  # fmt: skip


def _write(form: str, values: Mapping[str, Any]) -> str:
    plain = {name: _write_value(value) for name, value in values.items()}
    return rfc8785.dumps({"format": form, **plain}).decode()


def _write_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _write_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_write_value(one) for one in value]
    return value


def _load(text: str, form: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _fault(Phrase("an order is JSON: {0}", str(error))) from error
    got = found.pop("format", None) if isinstance(found, dict) else None
    if got != form:
        raise ContributionError("version", compare_formats(form, got))
    return found  # type: ignore[no-any-return]


def _refuse_form(form: str) -> Any:
    raise _fault(Phrase("an order is canonical JSON with the fields of {0} and no other", form))


def _fault(reason: Phrase) -> ContributionError:
    return ContributionError("format", reason)
