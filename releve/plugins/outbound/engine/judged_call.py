"""A call, and the call as it is judged: who and where the callee is, what was known, one instant.

A :class:`JudgedCall` is a call with its facts as known; a :class:`CallMoment` is that call at an
instant, with the rows in force then. ``next_allowed`` looks at several moments of one call.

An attempt's id belongs to its provider: two providers may use the same id, and both attempts count.
A table without a provider is its own provider, identified by its content: the same table loaded
twice counts once, a longer one counts its first part again (too often, never too rarely).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import polars as pl

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.errors import CallFault
from releve.plugins.outbound.engine.facts import CallFacts, Facts, fold_client_name
from releve.plugins.outbound.engine.legal_rows import ANY, LegalRow, LegalRules, RowsInForce, Territory, to_legal_day
from releve.plugins.outbound.engine.numbers import Number
from releve.plugins.outbound.engine.vocabulary import find_covering, find_lineage, get_vocabulary, normalize_word

CALLEES = get_vocabulary("person-kind").ids
PURPOSES = get_vocabulary("purpose").ids
CHANNELS = get_vocabulary("channel").ids
MODES = get_vocabulary("mode").ids
_WORDS = {
    "callee": "person-kind",
    "purpose": "purpose",
    "channel": "channel",
    "mode": "mode",
    "object": "object",
    "sector": "sector",
    "origin": "origin",
}
"""The fields that hold a word, and its vocabulary; the first four are needed to judge at all."""
_NEEDED = ("callee", "purpose", "channel", "mode")


@dataclass(frozen=True, slots=True)
class Call:
    """A call to be placed at an instant.

    Empty is unknown: ``person`` (the facts may tell who holds the number), ``address`` (a territory
    code or a French postcode), ``origin`` (the country where the call enters the public network).
    An empty ``caller`` (the number shown) is hidden; an empty ``callee`` is what the facts say,
    else a consumer. ``sector`` is the trade that the campaign declares; its object must belong to
    it. ``provider`` places the call: an attempt with its ``id`` is the call itself only where that
    provider made it. Words may be in any spelling of their vocabulary; an unknown object, sector or
    origin refuses the call.
    """

    client: str
    number: str
    at: datetime
    object: str
    caller: str = ""
    campaign: str = ""
    person: str = ""
    address: str = ""
    callee: str = ""
    purpose: str = "prospecting"
    channel: str = "voice"
    mode: str = "manual"
    origin: str = ""
    authenticated: bool | None = None
    mobile_terminal: bool = False
    id: str = ""
    sector: str = ""
    provider: str = ""

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise CallFault(f"at has no offset: {self.at.isoformat()}")
        for name, kind in _WORDS.items():
            given = getattr(self, name)
            found = normalize_word(kind, given)
            needed = name in _NEEDED and (given or name != "callee")
            if needed and found not in get_vocabulary(kind).by_id:
                raise CallFault(f"{name} {given!r} is not one of {', '.join(get_vocabulary(kind).ids)}")
            object.__setattr__(self, name, found)

    def moved_to(self, at: datetime) -> Call:
        return replace(self, at=at)


HOUSE = "FR"
"""The jurisdiction that speaks when a number cannot be read."""
_FOUND_BY_NAME = ("scope", "holidays")
"""Kinds of rows that others go by, whomever they bind themselves; so are exceptions."""


_NEVER_EMPTY = ("people.kind", "refusals.kind", "listings.list")


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A text that no vocabulary holds: where it stands, its vocabulary, the text."""

    column: str
    vocabulary: str
    text: str


@dataclass(frozen=True, slots=True)
class RowFailure:
    """Why one row refuses: what its sentence quotes, and the facts it rests on, by id."""

    quotes: dict[str, Any] = field(default_factory=dict)
    facts: tuple[str, ...] = ()


class JudgedCall:
    """A call, its callee and what was known of both; does not change."""

    def __init__(
        self,
        call: Call,
        rules: LegalRules,
        known_at: datetime,
        callee: Number,
        places: tuple[Territory, ...],
        place_fault: str,
        person: str,
        person_fault: str,
        callee_kind: str,
        known: CallFacts,
        strange_kinds: tuple[str, ...] = (),
    ) -> None:
        self.call, self.rules, self.known_at, self.callee = call, rules, known_at, callee
        self.places, self.place_fault = places, place_fault
        self.person, self.person_fault, self.callee_kind = person, person_fault, callee_kind
        self.known = known
        self.strange_kinds = strange_kinds
        self.offered = find_lineage(call.object)
        """The object with its families, which rows name; of no word none."""
        self.zones = tuple(dict.fromkeys(place.zone for place in places))
        self.codes = tuple(place.code for place in places)

    @property
    def jurisdiction(self) -> str:
        """Return the country whose rows bind, empty when it has none here."""
        return self.places[0].jurisdiction if self.places else ""

    def offers(self, objects: Collection[str]) -> bool:
        """Return whether a row that names some objects means the one that the call offers."""
        return not self.offered.isdisjoint(objects)

    @cached_property
    def strange_words(self) -> tuple[UnknownWord, ...]:
        """Return the words that bear on the call and that no vocabulary holds, each once."""
        call, known = self.call, self.known
        words = [
            ("object", "object", call.object),
            ("sector", "sector", call.sector),
            ("origin", "origin", call.origin),
            *(("people.kind", "person-kind", kind) for kind in self.strange_kinds),
            *(("refusals.kind", "refusal-kind", one.kind) for one in known.refusals),
            *(("refusals.basis", "basis", one.basis.partition(":")[0]) for one in known.refusals),
            *(("listings.list", "list", one.list) for one in known.listings),
            *(("attempts.outcome", "outcome", one.outcome) for one in known.attempts),
        ]
        return tuple(
            UnknownWord(*one)
            for one in dict.fromkeys(words)
            if one[2] not in get_vocabulary(one[1]).by_id and (one[2] or one[0] in _NEVER_EMPTY)
        )

    @cached_property
    def rows(self) -> tuple[LegalRow, ...]:
        """Return all rows of the country, whatever their dates."""
        return self.rules.of(self.jurisdiction)

    @cached_property
    def law_changes(self) -> tuple[datetime, ...]:
        """Return every instant at which a row that may bear on this case starts or has ended."""
        return self.rules.changes_bearing(self.jurisdiction or HOUSE, (self.call.client, self.codes), self._may_bear)

    def _may_bear(self, row: LegalRow) -> bool:
        """Return whether a row is another's, found by its name, or may bind here."""
        return row.kind in _FOUND_BY_NAME or row.kind.startswith("exception") or self.named_by(row)

    def named_by(self, row: LegalRow) -> bool:
        """Return whether a row binds the client, and where the callee may be."""
        applies, codes, client = row.applies, self.codes, fold_client_name(self.call.client)
        if applies.places is not None and applies.places.isdisjoint(codes):
            return False
        if applies.except_places and applies.except_places.issuperset(codes):
            return False
        named = applies.clients is None or client in map(fold_client_name, applies.clients)
        return named and client not in map(fold_client_name, applies.except_clients)

    def at(self, moment: datetime) -> CallMoment:
        return CallMoment(self, moment.astimezone(UTC))


class CallMoment:
    """A case at one instant, with the rows in force then."""

    def __init__(self, case: JudgedCall, at: datetime) -> None:
        self.case, self.at = case, at
        self.day = to_legal_day(at)
        self.in_force: RowsInForce = case.rules.in_force(case.jurisdiction or HOUSE, self.day)
        self._local: dict[str, datetime] = {}

    @cached_property
    def covering(self) -> frozenset[str]:
        """Return the words of a consent, a contract or a request that cover the call's object."""
        rows = self.bound.of_kind("object_match")
        wide = any(row.parameters["reach"] == "family" for row in rows)
        return find_covering(self.case.call.object, wide=wide)

    def covers(self, objects: Collection[str]) -> bool:
        """Return whether the objects of a consent, a contract or a request cover the call's."""
        return not self.covering.isdisjoint(objects)

    @cached_property
    def law_until(self) -> datetime | None:
        """Return the first instant after this one at which the law of the case may be another."""
        changes = self.case.law_changes
        place = bisect_right(changes, self.at)
        return changes[place] if place < len(changes) else None

    @cached_property
    def regulated(self) -> bool:
        """Return whether a scope row in force names this call."""
        purpose, callee = self.case.call.purpose, self.case.callee_kind
        return any(
            purpose in row.parameters["purposes"] and callee in row.parameters["callees"]
            for row in self.in_force.of_kind("scope")
        )

    @property
    def rows(self) -> tuple[LegalRow, ...]:
        """Return the rows in force that bind this call, in order."""
        return self.bound.rows

    @cached_property
    def bound(self) -> RowsInForce:
        """Return the rows in force that bind this call; those of ANY where the country has none."""
        call, case = self.case.call, self.case
        key = (call.channel, call.mode, call.object, call.purpose, case.callee_kind, call.client, case.codes)
        common = self.case.rules.in_force(ANY, self.day)
        found = self.in_force.binding.get((key, id(common)))
        if found is None:
            own = {row.parameters["what"] for row in self.in_force.of_kind("data")}
            data = common.of_kind("data")
            added = [row for row in data if row.parameters["what"] not in own]
            rows = (*self.in_force.rows, *added)
            found = RowsInForce.of(row for row in rows if self.binds(row))
            self.in_force.binding[key, id(common)] = found
        return found

    def binds(self, row: LegalRow) -> bool:
        """Return whether a row binds calls like this one."""
        call, applies = self.case.call, row.applies
        if call.channel not in applies.channels:
            return False
        if applies.modes is not None and call.mode not in applies.modes:
            return False
        if applies.objects is not None and not self.case.offers(applies.objects):
            return False
        if not self.case.named_by(row):
            return False
        if applies.regulated:
            return self.regulated
        callees, purposes = applies.callees, applies.purposes
        return (callees is None or self.case.callee_kind in callees) and (purposes is None or call.purpose in purposes)

    @cached_property
    def caller(self) -> Number | None:
        """Return the number shown as it is on this day, None when it is hidden."""
        text = self.case.call.caller
        return self.case.rules.numbers.shown(text, self.day) if text else None

    def local(self, zone_name: str) -> datetime:
        """Return the wall clock of a zone."""
        local = self._local.get(zone_name)
        if local is None:
            local = self._local[zone_name] = self.at.astimezone(zone(zone_name))
        return local

    def days(self) -> tuple[tuple[str, date], ...]:
        """Return each possible zone of the callee with its local day."""
        return tuple((name, self.local(name).date()) for name in self.case.zones)


def build_judged_call(call: Call, facts: Facts, rules: LegalRules, known_at: datetime) -> JudgedCall:
    """Return the case of a call with what was known by ``known_at``."""
    day = to_legal_day(call.at)
    callee: Number = rules.numbers.number(call.number, day)
    held = facts.find_persons(callee.text, known_at)
    meant = [row for row in held if call.person in ("", row.person)]
    person, fault = call.person, ""
    if not person:
        people = {row.person for row in held}
        person = next(iter(people)) if len(people) == 1 else ""
        fault = "" if len(people) == 1 else ("no-person" if not people else "several-persons")
    address = call.address or next((row.address for row in meant if row.address), "")
    places, place_fault = find_places(callee, address, rules)
    kinds = tuple(row.kind for row in meant)
    kind = call.callee or ("business" if kinds and all(kind == "business" for kind in kinds) else "consumer")
    strange = () if call.callee else tuple(k for k in kinds if k not in CALLEES)
    known = facts.select_known(call.client, person, callee.text, call.campaign, known_at)
    return JudgedCall(call, rules, known_at, callee, places, place_fault, person, fault, kind, known, strange)


def find_places(callee: Number, address: str, rules: LegalRules) -> tuple[tuple[Territory, ...], str]:
    """Return where a person may be, and what is wrong with their address: it goes first."""
    place = find_territory(address, rules)
    if place is not None:
        return (place,), ""
    fault = "address-unreadable" if address else ""
    return tuple(rules.territories[code] for code in callee.territories), fault


def find_territory(address: str, rules: LegalRules) -> Territory | None:
    """Return the territory that a code or a French postcode names, None when neither."""
    text = "".join(address.split()).upper()
    if text in rules.territories:
        return rules.territories[text]
    if not (len(text) == 5 and text.isascii() and text.isdecimal()):
        return None
    met = {start: place for place in rules.territories.values() for start in place.postcodes if text.startswith(start)}
    return met[max(met, key=len)] if met else None


_DIGITS = 16
_TABLE = "table:"


def fill_provider(attempts: pl.DataFrame, provider: str = "") -> pl.DataFrame:
    """Return attempts with a provider each: their own, ``provider``, or one named by the table."""
    if not attempts.height:
        return attempts
    rows = attempts.select(sorted(attempts.columns)).sort(pl.all()).write_csv()
    name = provider or f"{_TABLE}{hashlib.sha256(rows.encode()).hexdigest()[:_DIGITS]}"
    unnamed = pl.col("provider").fill_null("").str.strip_chars() == ""
    return attempts.with_columns(provider=pl.when(unnamed).then(pl.lit(name)).otherwise(pl.col("provider")))


def is_own_provider(provider: str) -> bool:
    """Return whether a table that names no provider stands for one."""
    return provider.startswith(_TABLE)
