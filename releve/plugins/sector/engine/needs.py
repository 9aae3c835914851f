"""Offers and requests for relief: packages, approvals, openings, and the least a request may get.

A client approves each operator and destination that may work for it, and may exclude operators:
without its approval no other processor touches its calls (GDPR, article 28). An offer is a package
(prepared, dated and priced beforehand), with half hours and the agents that a plan can spare
(:func:`releve.plan.spare.find_spare`). A maximum flow says whether agents, taken one by one, can
give every request its least.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from releve.errors import Phrase, ReleveError, join_lines
from releve.extras import LazyModule
from releve.network import Operator, day_bounds
from releve.plan import Plan

Row = Mapping[str, str | None]


class SectorError(ReleveError, ValueError):
    """Rows of a clearing that cannot be used; the message names each row and the fix."""


@dataclass(frozen=True, order=True)
class SectorOffer:
    """Agents that an operator offers, in blocks, in some half hours (0 = the first of the day)."""

    offer: str
    giver: str
    destination: str
    skill: str
    block: int
    """Agents are taken in multiples of it."""
    price_cents: int
    """Euro cents for one agent in one half hour."""
    agents: tuple[tuple[int, int], ...]
    """(half hour, agents offered), ascending."""


@dataclass(frozen=True, order=True)
class SectorRequest:
    """Agents that an operator lacks for one client, in some half hours."""

    request: str
    asker: str
    skill: str
    ceiling_cents: int
    """Highest price, in euro cents for one agent in one half hour."""
    agents: tuple[tuple[int, int], ...]
    """(half hour, agents needed), ascending."""


@dataclass(frozen=True)
class Openings:
    """All that a clearing depends on, in one order however the rows came."""

    offers: tuple[SectorOffer, ...]
    requests: tuple[SectorRequest, ...]
    approvals: frozenset[tuple[str, str, str]]
    """(request, operator, destination) that the request's client has approved."""

    def allows(self, offer: SectorOffer, request: SectorRequest) -> bool:
        """Return whether the offer may serve the request: approval, skill, price, two operators.

        A skill asked for is served by itself and by closer ones: ``inbound:fr`` by
        ``inbound:fr:home`` too.
        """
        return (
            (request.request, offer.giver, offer.destination) in self.approvals
            and f"{offer.skill}:".startswith(f"{request.skill}:")
            and offer.price_cents <= request.ceiling_cents
            and offer.giver != request.asker
        )


def read_openings(offers: Iterable[Row], requests: Iterable[Row], approvals: Iterable[Row]) -> Openings:
    """Return the openings of the rows of three tables; SectorError names all faults at once.

    An offer or a request has one row per half hour; its other columns are the same in each.
    """
    faults: list[str] = []
    offered = _group("offers.csv", offers, "offer", ("giver", "destination", "skill"), ("block", "price_cents"), faults)
    asked = _group("requests.csv", requests, "request", ("asker", "skill"), ("ceiling_cents",), faults)
    approved = set()
    for number, row in enumerate(approvals, 2):
        where = Phrase("{0}, row {1}", "approvals.csv", number)
        words = [read_word(where, row, name, faults) for name in ("request", "operator", "destination")]
        if words[0] and words[0] not in asked:
            faults.append(Phrase("{0}: request {1} is not in requests.csv: correct its name", where, words[0]))
        approved.add((words[0], words[1], words[2]))
    if faults:
        raise SectorError(join_lines(faults))
    return Openings(
        tuple(
            SectorOffer(name, giver, destination, skill, block, price_cents, tuple(sorted(agents.items())))
            for name, ((giver, destination, skill), (block, price_cents), agents) in sorted(offered.items())
        ),
        tuple(
            SectorRequest(name, asker, skill, ceiling_cents, tuple(sorted(agents.items())))
            for name, ((asker, skill), (ceiling_cents,), agents) in sorted(asked.items())
        ),
        frozenset(approved),
    )


_Group = tuple[tuple[str, ...], tuple[int, ...], dict[int, int]]


def _group(
    table: str, rows: Iterable[Row], key: str, words: tuple[str, ...], numbers: tuple[str, ...], faults: list[str]
) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for number, row in enumerate(rows, 2):
        where = Phrase("{0}, row {1}", table, number)
        name = read_word(where, row, key, faults)
        texts = tuple(read_word(where, row, column, faults) for column in words)
        least = {"block": 1}
        values = tuple(read_number(where, row, column, faults, least.get(column, 0)) for column in numbers)
        half_hour = read_number(where, row, "half_hour", faults)
        agents = read_number(where, row, "agents", faults)
        group = groups.setdefault(name, (texts, values, {}))
        if group[:2] != (texts, values):
            faults.append(Phrase("{0}: {1} {2} differs from its first row: make them alike", where, key, name))
        if half_hour in group[2]:
            faults.append(Phrase("{0}: {1} {2} has half hour {3} twice: remove one row", where, key, name, half_hour))
        group[2][half_hour] = agents
    return groups


def parse_rows(content: bytes) -> list[Row]:
    """Return the rows of a CSV table with a header; SectorError where it is not UTF-8 text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SectorError(Phrase("The file is not UTF-8 text: save it as CSV UTF-8.")) from error
    return [dict(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def compare_formats(expected: str, found: object) -> Phrase:
    """Return what to say of a text in another format than the one that this software reads."""
    return Phrase(
        "expected the format {0}, found {1}: member and clerk need versions of the software"
        " that write the same one", expected, str(found),
    )  # fmt: skip


def read_word(where: str, row: Row, column: str, faults: list[str]) -> str:
    """Return a text of a row; an empty one is added to ``faults``."""
    word = (row.get(column) or "").strip()
    if not word:
        faults.append(Phrase("{0}: {1} is empty: fill it in", where, column))
    return word


def read_number(where: str, row: Row, column: str, faults: list[str], least: int = 0) -> int:
    """Return a whole number of a row; what is wrong with it is added to ``faults``."""
    text = (row.get(column) or "").strip()
    if not (text.isascii() and text.isdigit() and least <= int(text) <= 1_000_000):
        faults.append(
            Phrase("{0}: {1} must be a whole number from {2} to 1000000, got {3}", where, column, least, repr(text))
        )
        return least
    return int(text)


LEAST = 0.5
"""An agent is asked for where at least this share of it is missing."""


@dataclass(frozen=True)
class ClientTerms:
    """What a client allows: the highest price, and (operator, destination) that may serve it."""

    client: str
    ceiling_cents: int
    receivers: frozenset[tuple[str, str]]


def read_terms(
    ceilings: Iterable[Row], approvals: Iterable[Row], exclusions: Iterable[Row], day: date
) -> dict[str, ClientTerms]:
    """Return the terms of each client on a day; SectorError names all faults at once.

    An approval counts from its ``valid_from`` to its ``valid_to`` (empty = not withdrawn); an
    excluded operator is taken out wherever it was approved.
    """
    faults: list[str] = []
    ceiling: dict[str, int] = {}
    for number, row in enumerate(ceilings, 2):
        where = Phrase("{0}, row {1}", "ceilings.csv", number)
        client = read_word(where, row, "client", faults)
        if client in ceiling:
            faults.append(Phrase("{0}: client {1} is there twice: remove one row", where, client))
        ceiling[client] = read_number(where, row, "ceiling_cents", faults)
    excluded = {
        tuple(
            read_word(Phrase("{0}, row {1}", "exclusions.csv", number), row, column, faults)
            for column in ("client", "operator")
        )
        for number, row in enumerate(exclusions, 2)
    }
    receivers: dict[str, set[tuple[str, str]]] = {name: set() for name in ceiling}
    for number, row in enumerate(approvals, 2):
        where = Phrase("{0}, row {1}", "approvals.csv", number)
        client, operator, destination = (
            read_word(where, row, column, faults) for column in ("client", "operator", "destination")
        )
        first = _read_limit(where, row, "valid_from", faults)
        last = _read_limit(where, row, "valid_to", faults)
        if client not in receivers:
            faults.append(Phrase("{0}: client {1} has no ceiling: add it to ceilings.csv", where, client))
            continue
        valid = (first is None or first <= day) and (last is None or day <= last)
        if valid and (client, operator) not in excluded:
            receivers[client].add((operator, destination))
    if faults:
        raise SectorError(join_lines(faults))
    return {name: ClientTerms(name, cents, frozenset(receivers[name])) for name, cents in ceiling.items()}


def build_requests(
    operator: Operator,
    plan: Plan,
    contingency: str,
    terms: Mapping[str, ClientTerms],
    *,
    asker: str,
    half_hours: Mapping[int, int],
    asked_at: int = 0,
) -> tuple[tuple[SectorRequest, ...], frozenset[tuple[str, str, str]]]:
    """Return a request for each programme that lacks agents, with its client's approvals.

    ``half_hours``: those of the sector's day by position in the plan's, from ``asked_at`` on. A
    programme of a client without terms is left out. SectorError for an unknown contingency.
    """
    if contingency not in plan.scenarios:
        raise SectorError(
            Phrase("the plan has no contingency {0}: choose one of {1}", contingency, ", ".join(plan.scenarios))
        )
    missing = np.maximum(0.0, plan.required - plan.scenarios[contingency].placed)
    whole = np.floor(np.nan_to_num(missing) + 1 - LEAST).astype(int)
    requests, approvals = [], set()
    for p, (name, client, _) in enumerate(plan.programmes):
        programme = operator.programme[name]
        agents = tuple(
            (half_hours[t], int(whole[t, p]))
            for t in np.flatnonzero(whole[:, p]).tolist()
            if half_hours.get(t, -1) >= asked_at
        )
        if client not in terms or not agents:
            continue
        skill = f"{programme.kind}:{programme.languages[0]}"
        if programme.place != "home_allowed":
            skill += ":site"
        request = f"{asker}/{name}"
        requests.append(SectorRequest(request, asker, skill, terms[client].ceiling_cents, agents))
        allowed = programme.allowed_destinations
        approvals |= {
            (request, receiver, destination)
            for receiver, destination in terms[client].receivers
            if receiver != asker and (not allowed or destination in allowed)
        }
    return tuple(requests), frozenset(approvals)


def _read_limit(where: str, row: Row, column: str, faults: list[str]) -> date | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.append(Phrase("{0}: {1} must be a day like 2026-12-01 or empty, got {2}", where, column, repr(text)))
        return None


CURRENCY = "EUR"
HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, order=True)
class ReliefPackage:
    """Agents that can be lent on the same terms."""

    package: str
    giver: str
    destination: str
    skill: str
    """Kind of work, language and place, like ``inbound:fr:home``."""
    tools: str
    hours_to_start: int
    block: int
    price_cents: int
    """Euro cents for one agent in one half hour."""
    valid_from: date
    valid_to: date
    accreditation: str = ""
    annex: str = ""
    """Name of the annex on data protection."""


def read_packages(rows: Iterable[Row]) -> tuple[ReliefPackage, ...]:
    """Return packages in order; SectorError names all faults of their rows at once."""
    faults: list[str] = []
    found: dict[tuple[str, str], ReliefPackage] = {}
    for number, row in enumerate(rows, 2):
        where = Phrase("{0}, row {1}", "packages.csv", number)
        name, giver, destination, skill, tools = (
            read_word(where, row, column, faults) for column in ("package", "giver", "destination", "skill", "tools")
        )
        hours = read_number(where, row, "hours_to_start", faults)
        block = read_number(where, row, "block", faults, 1)
        price = read_number(where, row, "price_cents", faults)
        currency = (row.get("currency") or "").strip()
        if currency != CURRENCY:
            faults.append(Phrase("{0}: currency must be {1}, got {2}: convert it", where, CURRENCY, repr(currency)))
        first, last = (_read_day(where, row, name, faults) for name in ("valid_from", "valid_to"))
        if first > last:
            faults.append(Phrase("{0}: valid_from is after valid_to: correct one of them", where))
        if (giver, name) in found:
            faults.append(Phrase("{0}: package {1} of {2} is there twice: remove one row", where, name, giver))
        found[giver, name] = ReliefPackage(
            name, giver, destination, skill, tools, hours, block, price, first, last,
            (row.get("accreditation") or "").strip(), (row.get("annex") or "").strip(),
        )  # fmt: skip
    if faults:
        raise SectorError(join_lines(faults))
    return tuple(sorted(found.values()))


def number_half_hours(starts: Sequence[datetime], day: date, time_zone: str) -> dict[int, int]:
    """Return the half hour of the sector's day for each half hour of a plan's, by position.

    Half hours of another day of the sector are left out. SectorError where the two do not start on
    the same minutes.
    """
    first, last = day_bounds(day, time_zone)
    if starts and (starts[0] - first) % HALF_HOUR:
        raise SectorError(
            Phrase(
                "the half hours of the plan do not fall on those of {0}: plan in a time zone"
                " that differs by whole half hours",
                time_zone,
            )
        )
    return {t: (start - first) // HALF_HOUR for t, start in enumerate(starts) if first <= start < last}


def build_offers(
    packages: Sequence[ReliefPackage],
    giver: str,
    spare: Mapping[tuple[str, str], Mapping[int, int]],
    asked_at: int,
    day: date,
) -> tuple[tuple[SectorOffer, ...], tuple[tuple[str, str], ...]]:
    """Return the offers of an operator, and the (skill, destination) that it cannot offer.

    ``spare`` agents by (skill, destination) and half hour of the sector's day; ``asked_at`` the
    half hour at which help is asked for: a package starts its ``hours_to_start`` later. Of several
    packages the cheapest is used. SectorError for one that is out of date.
    """
    mine = [one for one in packages if one.giver == giver]
    stale = [one for one in mine if not one.valid_from <= day <= one.valid_to]
    if stale:
        raise SectorError(join_lines(
            Phrase("package {0} is valid from {1} to {2}, not on {3}: renew it or take it out",
                   one.package, one.valid_from, one.valid_to, day)
            for one in stale
        ))  # fmt: skip
    offers, missing = [], []
    for (skill, destination), agents in sorted(spare.items()):
        fitting = [one for one in mine if (one.skill, one.destination) == (skill, destination)]
        if not fitting:
            missing.append((skill, destination))
            continue
        best = min(fitting, key=lambda one: (one.price_cents, one.package))
        first = asked_at + 2 * best.hours_to_start
        left = tuple((t, count) for t, count in sorted(agents.items()) if t >= first and count)
        if left:
            offers.append(
                SectorOffer(f"{giver}/{best.package}", giver, destination, skill, best.block, best.price_cents, left)
            )
    return tuple(offers), tuple(missing)


def _read_day(where: str, row: Row, column: str, faults: list[str]) -> date:
    text = (row.get(column) or "").strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.append(Phrase("{0}: {1} must be a day like 2026-12-01, got {2}", where, column, repr(text)))
        return date.min


if TYPE_CHECKING:
    from scipy import sparse
    from scipy.sparse import csgraph
else:
    sparse = LazyModule("scipy.sparse")
    csgraph = LazyModule("scipy.sparse.csgraph")

SOURCE, SINK = 0, 1


class AgentFlow:
    """The flow from each offer in a half hour, through a request in that half hour, to the request.

    ``columns``: who may serve whom, and when.
    """

    def __init__(self, columns: Sequence[tuple[SectorOffer, SectorRequest, int]]) -> None:
        nodes: dict[tuple[str, str, int], int] = {}
        edges: dict[tuple[int, int], int] = {}

        def number(kind: str, name: str, half_hour: int = -1) -> int:
            return nodes.setdefault((kind, name, half_hour), len(nodes) + 2)

        agents = {offer.offer: dict(offer.agents) for offer, _, _ in columns}
        needs = {request.request: dict(request.agents) for _, request, _ in columns}
        self._requests: dict[str, int] = {}
        for offer, request, at in columns:
            giving, taking = number("offer", offer.offer, at), number("need", request.request, at)
            whole = self._requests.setdefault(request.request, number("request", request.request))
            given, needed = agents[offer.offer][at], needs[request.request][at]
            edges[SOURCE, giving] = given
            edges[giving, taking] = min(given, needed)
            edges[taking, whole] = needed
        self._edges, self._size = edges, len(nodes) + 2

    def can_serve(self, least: Mapping[str, int]) -> bool:
        """Return whether every request can have its least at once."""
        wanted = {name: count for name, count in least.items() if count > 0}
        if not wanted.keys() <= self._requests.keys():
            return False
        last = {(self._requests[name], SINK): count for name, count in wanted.items()}
        return self._find_most(last) == sum(wanted.values())

    def _find_most(self, last: Mapping[tuple[int, int], int]) -> int:
        edges: dict[tuple[int, int], int] = {**self._edges, **last}
        if not last:
            return 0
        at = np.array(list(edges), dtype=np.int64)
        values = np.array(list(edges.values()), dtype=np.int32)
        graph: Any = sparse.csr_matrix((values, (at[:, 0], at[:, 1])), (self._size, self._size))
        return int(csgraph.maximum_flow(graph, SOURCE, SINK).flow_value)
