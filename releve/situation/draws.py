"""A plan of draws folded from its events: frames, links, draws and visits not made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from releve.errors import Phrase
from releve.situation import events_audit as events
from releve.situation.draw_chains import (
    DrawError,
    VisitDraw,
    bind_plan,
    build_chain,
    compute_probabilities,
    derive_seed,
    draw_visits,
    hash_plan,
    leads_to_anchor,
)
from releve.situation.event import Event


@dataclass(frozen=True)
class DrawPlan:
    """A plan with what was recorded under it, by day."""

    planned: events.DrawPlanned
    joined: events.DrawJoined | None
    """The commission's anchor; None: nothing can be drawn yet."""
    frames: Mapping[date, events.DrawFramed]
    links: Mapping[tuple[str, date], bytes]
    draws: Mapping[tuple[date, str], events.DrawHeld]
    """By day and the party whose link was missing (empty = none)."""
    present: Mapping[tuple[date, str], events.DrawPresent]
    missed: Mapping[tuple[date, str], events.DrawVisitMissed]

    @property
    def is_older(self) -> bool:
        """Whether an earlier version drew by the plan, with other chains: it goes no further.

        It named the commission's anchor in the plan itself, so that none joined it.
        """
        return self.joined is None and bool(self.frames or self.links or self.draws)

    def number_day(self, day: date) -> int:
        """Return the number of a day, counted from 1; outside 1 to ``days`` it is not planned."""
        return (day - self.planned.first_day).days + 1

    def find_link(self, party: str, day: date) -> bytes:
        """Return a party's link of a day, also from one revealed for a later day; else empty."""
        if self.is_older:  # one revealed for a later day does not lead to it by today's hash
            return self.links.get((party, day), b"")
        later = [at for who, at in self.links if who == party and at >= day]
        if not later:
            return b""
        nearest = min(later)
        return build_chain(self.links[party, nearest], (nearest - day).days, self._find_binding(party))

    def leads_to_anchor(self, party: str, day: date, link: bytes) -> bool:
        """Return whether a link is a party's of a day; never before the commission has joined."""
        if self.joined is None:
            return False
        own = self.planned.operator_anchor if party == "operator" else self.joined.commission_anchor
        return leads_to_anchor(link, self.number_day(day), bytes.fromhex(own), self._find_binding(party))

    def bind(self) -> bytes:
        """Return what ties the commission's chain to this plan; DrawError before it has joined."""
        if self.joined is None:
            raise DrawError(Phrase("The commission’s anchor is not on record: nothing can be drawn."))
        plan_hash = hash_plan(self.planned.describe_rule())
        return bind_plan(plan_hash, self.joined.root_size, bytes.fromhex(self.joined.root_tree))

    def _find_binding(self, party: str) -> bytes:
        return self.bind() if party == "commission" else b""

    def find_probabilities(self, units: Iterable[events.FrameUnit]) -> dict[str, Fraction]:
        """Return the probability of a visit of each site of a frame; DrawError where none hold."""
        return compute_probabilities(
            {unit.site: unit.weight for unit in units},
            self.planned.visits,
            most_permille=self.planned.most_permille,
            least_permille=self.planned.least_permille,
        )

    def draw(self, day: date, withheld: str = "") -> VisitDraw:
        """Return the draw of a day without the link of one party; DrawError without links."""
        units = self.frames[day].units
        closed = [unit.site for unit in units if unit.closed]
        return draw_visits(self.find_probabilities(units), self.derive_day_seed(day, withheld), closed)

    def derive_day_seed(self, day: date, withheld: str = "") -> bytes:
        """Return the seed of a day without the link of one party; DrawError without links."""
        links = [b"" if party == withheld else self.find_link(party, day) for party in events.PARTIES]
        binding, joined = self.bind(), self.joined
        anchor = bytes.fromhex(joined.commission_anchor) if joined else b""
        return derive_seed(binding, anchor, day, *links)

    def preview(self, day: date, commission_link: str) -> VisitDraw:
        """Return the draw that a link of the commission, not yet on record, gives with the rest.

        DrawError where the day has no frame, the operator's link is not on record, or the link
        does not lead to the commission's anchor.
        """
        link = _read_link(commission_link)
        if day not in self.frames:
            raise DrawError(Phrase("The day has no frame on record: nothing can be drawn for it."))
        if not self.find_link("operator", day):
            raise DrawError(Phrase("The operator’s link is not on record yet: ask for it first."))
        if not self.leads_to_anchor("commission", day, link):
            raise DrawError(Phrase("The link does not lead to the commission’s anchor: check chain and day."))
        known = replace(self, links={**self.links, ("commission", day): link})
        return known.draw(day)

    def list_visits(self, day: date) -> tuple[str, ...]:
        """Return the sites to visit on a day: those of all its draws, in the order of the draws."""
        found = (self.draws.get((day, withheld)) for withheld in ("", *events.PARTIES))
        return tuple(dict.fromkeys(site for draw in found if draw for site in draw.visits))


def fold_draws(happened: Sequence[Event]) -> DrawPlan | None:
    """Return the plan of its events in the order of record; None where it was not planned."""
    planned = [event for event in happened if isinstance(event, events.DrawPlanned)]
    if not planned:
        return None
    joined = [event for event in happened if isinstance(event, events.DrawJoined)]
    frames: dict[date, events.DrawFramed] = {}
    links: dict[tuple[str, date], bytes] = {}
    draws: dict[tuple[date, str], events.DrawHeld] = {}
    sites: dict[type[Event], dict[tuple[date, str], Any]] = {events.DrawPresent: {}, events.DrawVisitMissed: {}}
    for event in happened:
        if isinstance(event, events.DrawFramed):
            frames.setdefault(event.day, event)
        elif isinstance(event, events.DrawRevealed):
            links.setdefault((event.party, event.day), _read_link(event.link))
        elif isinstance(event, events.DrawHeld):
            draws.setdefault((event.day, event.withheld), event)
        elif isinstance(event, events.DrawPresent | events.DrawVisitMissed):
            sites[type(event)].setdefault((event.day, event.site), event)
    return DrawPlan(
        planned[0],
        joined[0] if joined else None,
        frames,
        links,
        draws,
        sites[events.DrawPresent],
        sites[events.DrawVisitMissed],
    )


def _read_link(text: str) -> bytes:
    """Return the bytes of a link; none of a text that validation would have refused."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
