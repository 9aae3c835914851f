"""Facts about people, dated twice: when they were true and when they were known. Instants in UTC.

Facts are values. A fact with an id is corrected by a later version of the same id; at an instant
the last version *known by then* counts. So a call judged again as known at its own instant gets the
same verdict, whatever was learnt since. Case, accents and hyphens of clients' and campaigns' names
make no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import cache, cached_property, lru_cache
from typing import Any, Protocol, TypeVar, cast

from releve.network.moments import UTC
from releve.network.table_words import fold
from releve.plugins.outbound.engine.vocabulary import normalize_basis, normalize_word, normalize_words


@lru_cache(maxsize=4096)
def fold_client_name(name: str) -> str:
    """Return what the spellings of a client's or a campaign's name have in common."""
    return fold(name) or name.strip().casefold()


F = TypeVar("F")


def convert_to_utc(fact: F) -> F:
    """Return a fact with its instants in UTC; one without offset stays as it is.

    Python compares, adds and subtracts instants of one zone by their wall clock: where the clocks
    change, an hour would be lost or counted twice.
    """
    kind: Any = type(fact)
    given = ((name, getattr(fact, name)) for name in _list_instants(kind))
    moved = {
        name: value.astimezone(UTC) for name, value in given if value is not None and value.tzinfo not in (None, UTC)
    }
    changed: F = replace(cast(Any, fact), **moved) if moved else fact
    return changed


@cache
def _list_instants(kind: Any) -> tuple[str, ...]:
    """Return the fields of a kind of fact that hold an instant."""
    return tuple(one.name for one in fields(kind) if "datetime" in str(one.type))


SAID = ("withdrawals", "refusals")
"""The tables of what people said: their ``person`` may be a number, which binds every person who
was ever known to hold it, whichever of their numbers is called."""

EVERY_CLIENT = ""
"""The client of a withdrawal or a refusal that was said to every client of the operator."""

ITEMS = ("identity", "choice", "period", "withdrawal", "proof_access")
"""The five items that a request for consent holds (R223-1)."""


def _set_field(fact: Any, field_name: str, value: object) -> None:
    object.__setattr__(fact, field_name, value)


@dataclass(frozen=True, slots=True)
class Person:
    """A person who may be reached under a number; ``kind``: consumer or business."""

    person: str
    number: str
    known_at: datetime
    kind: str = "consumer"
    address: str = ""

    def __post_init__(self) -> None:
        _set_field(self, "kind", normalize_word("person-kind", self.kind))


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as it was recorded.

    ``collected_at`` is None when its date cannot be trusted (no offset, a spreadsheet's serial):
    ``unreadable`` says why. ``act`` is the positive act: without one there is no consent.
    ``until`` is the last day stated. A slot is the precise date and time that was accepted, if any.
    ``third_party`` is who was named as acting for the client.
    """

    id: str
    client: str
    person: str
    collected_at: datetime | None
    known_at: datetime
    objects: frozenset[str]
    items: frozenset[str] = frozenset()
    proof: str = ""
    act: str = ""
    until: date | None = None
    slot_from: datetime | None = None
    slot_to: datetime | None = None
    wording: str = ""
    wording_version: str = ""
    collector: str = ""
    channel: str = ""
    unreadable: str = ""
    third_party: str = ""

    def __post_init__(self) -> None:
        _set_field(self, "objects", normalize_words("object", self.objects))
        _set_field(self, "items", normalize_words("item", self.items))
        _set_field(self, "act", normalize_word("act", self.act))


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A consent taken back, perhaps orally; of one consent, or of all when ``consent`` is empty.

    ``person`` may be a number in international form (``+33…``): it binds that number and every
    person who holds it, under their other numbers too, also one who is recorded later. An empty
    ``client`` stands for every client. The same holds of a refusal.
    """

    client: str
    person: str
    at: datetime
    known_at: datetime
    consent: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract, first and last day included; ``objects`` are those it makes related."""

    id: str
    client: str
    person: str
    first: date
    last: date | None
    known_at: datetime
    objects: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _set_field(self, "objects", normalize_words("object", self.objects))


@dataclass(frozen=True, slots=True)
class Callback:
    """A provable request to be called about something.

    ``named``: the distributor was known to the person before; ``in_call``: it was made in a call.
    """

    id: str
    client: str
    person: str
    requested_at: datetime
    known_at: datetime
    objects: frozenset[str]
    proof: str = ""
    named: bool = False
    in_call: bool = False

    def __post_init__(self) -> None:
        _set_field(self, "objects", normalize_words("object", self.objects))


@dataclass(frozen=True, slots=True)
class SpokenRefusal:
    """A refusal in a conversation; ``kind``: refusal, not-interested, not-now or objection.

    An objection ("stop calling me") asks for no further prospecting, whatever the basis of a call.

    ``basis`` is the basis of the call in which it was said, empty when it is not known.
    """

    client: str
    person: str
    at: datetime
    known_at: datetime
    kind: str = "refusal"
    basis: str = ""

    def __post_init__(self) -> None:
        _set_field(self, "kind", normalize_word("refusal-kind", self.kind))
        _set_field(self, "basis", normalize_basis(self.basis))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call or an attempt, by whichever of the client's providers; ``id`` is that provider's.

    ``purpose`` is what it was for; one that has none may have been prospecting.
    """

    id: str
    client: str
    person: str
    at: datetime
    known_at: datetime
    outcome: str = ""
    provider: str = ""
    purpose: str = ""

    def __post_init__(self) -> None:
        _set_field(self, "outcome", normalize_word("outcome", self.outcome))
        _set_field(self, "purpose", normalize_word("purpose", self.purpose))


@dataclass(frozen=True, slots=True)
class Listing:
    """A number on an opposition list from an instant, until another if it was taken off."""

    list: str
    number: str
    at: datetime
    known_at: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        _set_field(self, "list", normalize_word("list", self.list))


@dataclass(frozen=True, slots=True)
class Scrub:
    """A file of a client scrubbed against a list; for one campaign, or all when it is empty."""

    list: str
    client: str
    at: datetime
    known_at: datetime
    campaign: str = ""

    def __post_init__(self) -> None:
        _set_field(self, "list", normalize_word("list", self.list))


@dataclass(frozen=True, slots=True)
class Mandate:
    """The right to show a number for a client; ``linked``: its holder has ties to the territory."""

    id: str
    client: str
    number: str
    first: date
    last: date | None
    known_at: datetime
    linked: bool | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """When a register was read, and the instant of its last event then."""

    feed: str
    read_at: datetime
    last_event_at: datetime | None = None

    def __post_init__(self) -> None:
        _set_field(self, "feed", normalize_word("feed", self.feed))


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A campaign's abandoned calls and calls handed to an agent on a day, as counted by then."""

    campaign: str
    day: date
    abandoned: float
    handled: float
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """A client, and perhaps another name: facts under either name are about the same client."""

    client: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a dialler's short name of a campaign stands for; ``first`` and ``last`` are included."""

    campaign: str
    client: str
    object: str
    sector: str
    mode: str = "manual"
    purpose: str = "prospecting"
    origin: str = ""
    first: date | None = None
    last: date | None = None
    provider: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What was known, at an instant, about one person for one client."""

    consents: tuple[Consent, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    contracts: tuple[Contract, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    refusals: tuple[SpokenRefusal, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    listings: tuple[Listing, ...] = ()
    scrubs: tuple[Scrub, ...] = ()
    mandates: tuple[Mandate, ...] = ()
    abandoned: tuple[Abandoned, ...] = ()
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)


class _Dated(Protocol):
    @property
    def known_at(self) -> datetime: ...


T = TypeVar("T", bound=_Dated)


class _AboutPerson(_Dated, Protocol):
    @property
    def client(self) -> str: ...

    @property
    def person(self) -> str: ...


class _WithId(_Dated, Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_WithId)


class Facts:
    """All facts, indexed by person and number.

    Numbers are in international form; instants may be in any zone and are held in UTC.
    """

    def __init__(
        self,
        *,
        persons: Iterable[Person] = (),
        consents: Iterable[Consent] = (),
        withdrawals: Iterable[Withdrawal] = (),
        contracts: Iterable[Contract] = (),
        callbacks: Iterable[Callback] = (),
        refusals: Iterable[SpokenRefusal] = (),
        attempts: Iterable[Attempt] = (),
        listings: Iterable[Listing] = (),
        scrubs: Iterable[Scrub] = (),
        mandates: Iterable[Mandate] = (),
        abandoned: Iterable[Abandoned] = (),
        watermarks: Iterable[Watermark] = (),
        aliases: Iterable[Alias] = (),
    ) -> None:
        named = [one for one in aliases if one.alias]
        self._client_of = {fold_client_name(one.alias): fold_client_name(one.client) for one in named}
        persons = tuple(persons)
        self._persons = _index_facts(persons, lambda fact: fact.number)
        self._holdings = persons
        self._consents = _index_facts(map(_drop_impossible_date, consents), self._person_key)
        self._withdrawals = _index_facts(withdrawals, self._person_key)
        self._contracts = _index_facts(contracts, self._person_key)
        self._callbacks = _index_facts(callbacks, self._person_key)
        self._refusals = _index_facts(refusals, self._person_key)
        self._attempts = _index_facts(attempts, self._person_key)
        self._listings = _index_facts(listings, lambda fact: fact.number)
        self._scrubs = _index_facts(scrubs, lambda fact: self._client_key(fact.client))
        self._mandates = _index_facts(mandates, lambda fact: self._client_key(fact.client))
        self._abandoned = _index_facts(abandoned, lambda fact: fold_client_name(fact.campaign))
        marks = map(convert_to_utc, watermarks)
        self._watermarks = tuple(sorted(marks, key=lambda mark: mark.read_at))

    def _client_key(self, client: str) -> str:
        """Return what all names of a client have in common."""
        key = fold_client_name(client)
        return self._client_of.get(key, key)

    def is_same_client(self, one: str, other: str) -> bool:
        """Return whether two names are those of one client."""
        return self._client_key(one) == self._client_key(other)

    def _person_key(self, fact: _AboutPerson) -> tuple[str, str]:
        return self._client_key(fact.client), fact.person

    def find_persons(self, number: str, known_at: datetime) -> tuple[Person, ...]:
        """Return the known holders of a number, in the last version of each."""
        held: dict[str, Person] = {}
        for fact in _select_known_by(self._persons.get(number, ()), known_at):
            held[fact.person] = fact
        return tuple(held.values())

    @cached_property
    def _numbers(self) -> Mapping[Hashable, list[Person]]:
        return _index_facts(self._holdings, lambda fact: fact.person)

    def _list_sayers(self, person: str, number: str, known_at: datetime) -> tuple[str, ...]:
        """Return what may stand for a person in what they said: id, number called, other numbers.

        Of ``person`` "" it is the number called alone.
        """
        held = _select_known_by(self._numbers.get(person, ()), known_at) if person else ()
        return tuple(dict.fromkeys(filter(None, (person, number, *(one.number for one in held)))))

    def select_known(self, client: str, person: str, number: str, campaign: str, known_at: datetime) -> CallFacts:
        """Return what was known by ``known_at``; of a person only when ``person`` is not empty."""
        mine = self._client_key(client)
        key = (mine, person)
        sayers: tuple[str, ...] = ()
        if self._withdrawals or self._refusals:  # most people have said nothing
            sayers = self._list_sayers(person, number, known_at)
        marks = {mark.feed: mark for mark in self._watermarks if mark.read_at <= known_at}
        return CallFacts(
            consents=_select_last_versions(self._consents.get(key, ()), known_at),
            withdrawals=_select_known_by(_find_said(self._withdrawals, mine, sayers), known_at),
            contracts=_select_last_versions(self._contracts.get(key, ()), known_at),
            callbacks=_select_last_versions(self._callbacks.get(key, ()), known_at),
            refusals=_select_known_by(_find_said(self._refusals, mine, sayers), known_at),
            attempts=_select_last_attempts(self._attempts.get(key, ()), known_at),
            listings=_select_known_by(self._listings.get(number, ()), known_at),
            scrubs=tuple(
                fact
                for fact in _select_known_by(self._scrubs.get(mine, ()), known_at)
                if fold_client_name(fact.campaign) in ("", fold_client_name(campaign))
            ),
            mandates=_select_last_versions(self._mandates.get(mine, ()), known_at),
            abandoned=_select_known_by(self._abandoned.get(fold_client_name(campaign), ()), known_at),
            watermarks=marks,
        )


def _drop_impossible_date(consent: Consent) -> Consent:
    """Return a consent without its date when it was recorded before it was given."""
    consent = convert_to_utc(consent)
    given = consent.collected_at
    if given is None or given <= consent.known_at:
        return consent
    return replace(consent, collected_at=None, unreadable="after-recording")


def _index_facts(facts: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    if facts == ():  # most tables hold nothing about a person
        return {}
    found: dict[Hashable, list[T]] = defaultdict(list)
    for fact in sorted(map(convert_to_utc, facts), key=lambda fact: fact.known_at):
        found[key(fact)].append(fact)
    return dict(found)


def _find_said(index: Mapping[Hashable, list[T]], client: str, sayers: Sequence[str]) -> Sequence[T]:
    """Return what some persons or numbers said to a client or to every client."""
    if not index:
        return ()
    keys = dict.fromkeys((c, p) for c in (client, EVERY_CLIENT) for p in sayers)
    parts = [part for key in keys if (part := index.get(key))]
    if len(parts) < 2:
        return parts[0] if parts else ()
    return sorted((fact for part in parts for fact in part), key=lambda fact: fact.known_at)


def _select_known_by(facts: Sequence[T], known_at: datetime) -> tuple[T, ...]:
    if not facts:
        return ()
    return tuple(fact for fact in facts if fact.known_at <= known_at)


def _select_last_versions(facts: Sequence[N], known_at: datetime) -> tuple[N, ...]:
    """Return the last version known of each id, in the order in which the ids were first known."""
    if not facts:
        return ()
    return tuple({fact.id: fact for fact in facts if fact.known_at <= known_at}.values())


def _select_last_attempts(facts: Sequence[Attempt], known_at: datetime) -> tuple[Attempt, ...]:
    """Return the last versions of attempts; an id is its provider's: others may use the same."""
    known = (fact for fact in facts if fact.known_at <= known_at)
    return tuple({(fact.provider, fact.id): fact for fact in known}.values())


def compute_abandoned_share(abandoned: float, handled: float) -> float:
    """Return the share of live calls that were abandoned, 0 to 1; 0 when there was none.

    The formula that the rule quotes: abandoned ÷ (abandoned + live calls handed to an agent).
    Answering machines are excluded; a person taken for a machine and hung up on was abandoned, so
    :func:`estimate_abandoned` adds an estimate of those.
    """
    if abandoned < 0 or handled < 0:
        raise ValueError(f"counts from 0 up are needed: abandoned {abandoned}, handled {handled}")
    answered = abandoned + handled
    return abandoned / answered if answered else 0.0


def estimate_abandoned(abandoned: float, machines: float, false_positive_share: float) -> float:
    """Return the abandoned calls with the people among the calls taken for machines.

    ``machines``: calls ended because a machine was heard. ``false_positive_share``: the share of
    them that were people, measured by listening to a sample.
    """
    if not 0 <= false_positive_share <= 1:
        raise ValueError(f"false_positive_share is 0 to 1, not {false_positive_share}")
    return abandoned + machines * false_positive_share
