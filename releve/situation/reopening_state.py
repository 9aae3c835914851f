"""The reopening of a closed site: what it waits for, and which acts can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from releve.network import Operator
from releve.situation.events import ReopeningApproved, ReopeningChecked
from releve.situation.rules import SituationRules
from releve.situation.situation import Situation
from releve.situation.validation import merge_reopening_terms

__all__ = [
    "Reopening",
    "ReopeningStep",
    "ReopeningTask",
    "find_reopening",
    "find_undoable_acts",
    "list_reopening_acts",
]

_Act = ReopeningChecked | ReopeningApproved


@dataclass(frozen=True, slots=True)
class ReopeningStep:
    """An act of a person; ``undo`` is the id by which the reader can take it back, or empty."""

    by: str
    at: datetime
    undo: str


@dataclass(frozen=True, slots=True)
class ReopeningTask:
    """An item of the checklist; ``done`` is None while it is to be done."""

    id: str
    text: str
    text_fr: str
    done: ReopeningStep | None


@dataclass(frozen=True, slots=True)
class Reopening:
    """What a closed site waits for, as one reader may act on it.

    ``needed``: approvals, each of another person; ``mine``: the reader has approved; ``waits``: the
    earliest time is still to come.
    """

    since: datetime
    earliest_reopening: datetime | None
    waits: bool
    items: tuple[ReopeningTask, ...]
    approvals: tuple[ReopeningStep, ...]
    needed: int
    mine: bool

    @property
    def undone(self) -> int:
        """Items of the checklist that are to be done."""
        return sum(item.done is None for item in self.items)

    @property
    def approvals_missing(self) -> bool:
        """Whether more people have to approve."""
        return len(self.approvals) < self.needed


def find_reopening(
    situation: Situation,
    site: str,
    operator: Operator,
    rules: SituationRules,
    now: datetime,
    reader: str,
) -> Reopening | None:
    """Return what the closure of a site waits for; None for a site that is open."""
    closure = situation.site(site).closure
    if closure is None:
        return None
    terms = merge_reopening_terms(closure, site, operator, rules)
    undoable = find_undoable_acts(situation, site, reader)
    found = [
        (row, ReopeningStep(row.actor, row.happened_at, row.id if row.id in undoable else ""))
        for row in list_reopening_acts(situation, site)
    ]
    ticks = {row.item: step for row, step in found if isinstance(row, ReopeningChecked)}
    earliest = closure.earliest_reopening
    return Reopening(
        since=closure.ordered_at,
        earliest_reopening=earliest,
        waits=earliest is not None and now < earliest,
        items=tuple(
            ReopeningTask(row.id, row.text, row.text_fr, ticks.get(row.id))
            for row in terms.checklist
        ),
        approvals=tuple(step for row, step in found if isinstance(row, ReopeningApproved)),
        needed=terms.approvals,
        mine=reader in closure.approvals,
    )


def find_undoable_acts(situation: Situation, site: str, actor: str) -> frozenset[str]:
    """Return the ids of the acts that a person may take back, for a site that is closed.

    Ticks of the checklist while no person has approved, and one's own approval.
    """
    closure = situation.site(site).closure
    approved = closure is not None and bool(closure.approvals)
    return frozenset(
        row.id
        for row in list_reopening_acts(situation, site)
        if (row.actor == actor if isinstance(row, ReopeningApproved) else not approved)
    )


def list_reopening_acts(situation: Situation, site: str) -> tuple[_Act, ...]:
    """Return the acts that count towards the reopening of a closed site, in the order of record."""
    closure = situation.site(site).closure
    if closure is None:
        return ()
    done, approvals = dict(closure.done), set(closure.approvals)
    found: dict[tuple[type[_Act], str], _Act] = {}
    for event in sorted(situation.list_events("sites", site), key=lambda row: row.recorded_at):
        if event.id in situation.corrected or event.recorded_at < closure.orders[0].recorded_at:
            continue
        if isinstance(event, ReopeningChecked) and done.get(event.item) == event.actor:
            found.setdefault((ReopeningChecked, event.item), event)
        elif isinstance(event, ReopeningApproved) and event.actor in approvals:
            found[ReopeningApproved, event.actor] = event
    return tuple(found.values())
