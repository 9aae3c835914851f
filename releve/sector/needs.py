"""Requests for relief: what a plan lacks under a contingency, and who may be asked for it.

A client approves each operator and destination that may work for it, and may exclude operators:
without its approval no other processor touches its calls (GDPR, article 28).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from releve.errors import Phrase, join_lines
from releve.network import Operator
from releve.plan import Plan
from releve.sector.openings import Row, SectorError, SectorRequest, read_number, read_word

__all__ = ["ClientTerms", "build_requests", "read_terms"]

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
            read_word(where, row, column, faults)
            for column in ("client", "operator", "destination")
        )
        first = _read_limit(where, row, "valid_from", faults)
        last = _read_limit(where, row, "valid_to", faults)
        if client not in receivers:
            faults.append(
                Phrase("{0}: client {1} has no ceiling: add it to ceilings.csv", where, client)
            )
            continue
        valid = (first is None or first <= day) and (last is None or day <= last)
        if valid and (client, operator) not in excluded:
            receivers[client].add((operator, destination))
    if faults:
        raise SectorError(join_lines(faults))
    return {
        name: ClientTerms(name, cents, frozenset(receivers[name]))
        for name, cents in ceiling.items()
    }


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
    """Return a request for each programme that lacks agents, and whom its client approves for it.

    ``half_hours``: those of the sector's day by position in the plan's, from ``asked_at`` on.
    A programme of a client without terms is not asked for. SectorError for a contingency that the
    plan does not have.
    """
    if contingency not in plan.scenarios:
        raise SectorError(
            Phrase(
                "the plan has no contingency {0}: choose one of {1}",
                contingency,
                ", ".join(plan.scenarios),
            )
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
        faults.append(
            Phrase(
                "{0}: {1} must be a day like 2026-12-01 or empty, got {2}",
                where,
                column,
                repr(text),
            )
        )
        return None
