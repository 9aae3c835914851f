"""The state of one subject, folded from its events: closures, cases, absences, outages, permits.

Each function folds the events of one subject in the order that its caller documents. None of them
raises: an event that no longer fits the others changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from releve.situation.event import Event
from releve.situation.events import (
    AgentBack,
    AgentUnavailable,
    CaseDeclared,
    ClosureExtended,
    LinkDown,
    PowerDown,
    ReopeningApproved,
    ReopeningChecked,
    SiteClosed,
    SiteReopened,
)
from releve.situation.events_control import AuthorisationGranted, AuthorisationWithdrawn, PackChosen, PackEnded
from releve.situation.rule_kinds import ChosenPack


@dataclass(frozen=True, slots=True)
class ClosureOrder:
    """One order that closes a site or keeps it closed; ``event`` is the id of its event."""

    event: str
    at: datetime
    recorded_at: datetime
    cause: str
    rule: str
    authority: str
    reference: str
    actor: str
    reason: str
    hazard: str = ""


@dataclass(frozen=True, slots=True)
class Closure:
    """A closure of a site: from the first order to the reopening.

    ``approvals`` are the people who said yes since the last order, in order; ``done`` the items of
    the checklist that are done, with who did them. ``reopened_at`` is None while it lasts.
    """

    orders: tuple[ClosureOrder, ...]
    ordered_at: datetime
    earliest_reopening: datetime | None
    home_only: bool
    done: tuple[tuple[str, str], ...] = ()
    approvals: tuple[str, ...] = ()
    reopened_at: datetime | None = None
    reopened_by: str = ""
    reopening_recorded_at: datetime | None = None

    @property
    def event(self) -> str:
        """Id of the event that closed the site."""
        return self.orders[0].event

    @property
    def cause(self) -> str:
        """Cause of the first order: rule, authority, hazard or operator."""
        return self.orders[0].cause

    @property
    def hazard(self) -> str:
        """Kind of the hazard of the first order; empty: none, or one without a word of its own."""
        kind = self.orders[0].hazard
        return kind if self.cause == "hazard" and kind != "other" else ""

    @property
    def rule(self) -> str:
        """Id of the rule of the first order; empty = no rule."""
        return self.orders[0].rule

    @property
    def rule_order(self) -> ClosureOrder | None:
        return next((order for order in self.orders if order.cause == "rule"), None)


@dataclass(frozen=True, slots=True)
class SiteState:
    """A site: its closure while it is closed, and the closures that are over, oldest first."""

    closure: Closure | None = None
    past: tuple[Closure, ...] = ()

    @property
    def closed(self) -> bool:
        return self.closure is not None


@dataclass(frozen=True, slots=True)
class Absence:
    """A time in which an agent cannot be planned; ``until`` None = not known.

    ``reason`` is for the health officer and for its ``actor`` alone.
    """

    event: str
    actor: str
    start: datetime
    until: datetime | None
    back: bool = False
    """The agent was reported back, which set ``until``."""
    reason: str = field(default="", repr=False)
    stated_at: datetime | None = None

    @property
    def by_rule(self) -> bool:
        """Whether a rule stated it, as one does of a declared case."""
        return self.actor.startswith("rule:")


@dataclass(frozen=True, slots=True)
class DeclaredCase:
    """A declared case or contact, for the health officer alone.

    ``at`` is the date of the case: when it happened, and never after it was recorded.
    ``agent`` is empty once erased. ``cleared_at`` is None until the agent is cleared. ``of``: the
    case of which it is a contact, where that was said.
    """

    event: str
    agent: str
    site: str
    status: str
    at: datetime
    recorded_at: datetime
    since: date | None
    until: date | None
    cleared_at: datetime | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a link or a power supply is down; ``until`` None while it lasts."""

    event: str
    since: datetime
    expected_until: datetime | None
    until: datetime | None = None

    def lasts_at(self, at: datetime) -> bool:
        """Return whether it is down at an instant; at ``until`` it is back."""
        return self.since <= at and (self.until is None or self.until > at)


@dataclass(frozen=True, slots=True)
class Permit:
    """An authorisation; its grant is None when the operator's table holds it instead."""

    grant: AuthorisationGranted | None
    withdrawn_at: datetime | None = None


def fold_site(events: Sequence[Event]) -> SiteState:
    """Fold the acts on one site, in the order of record: each was judged after those before."""
    state = SiteState()
    for event in events:
        state = _SITE_ACTS[type(event)](state, event)
    return state


def _apply_close(state: SiteState, event: SiteClosed) -> SiteState:
    order = _build_order(event, event.cause)
    if state.closure is not None:
        # A reopening between the two was corrected: the later order must not be lost by it.
        return _join_orders(state, state.closure, order, event)
    return _begin_closure(state, order, event)


def _begin_closure(state: SiteState, order: ClosureOrder, event: SiteClosed | ClosureExtended) -> SiteState:
    return replace(
        state,
        closure=Closure(
            orders=(order,),
            ordered_at=event.happened_at,
            earliest_reopening=event.earliest_reopening,
            home_only=event.home_only,
        ),
    )


def _build_order(event: SiteClosed | ClosureExtended, cause: str) -> ClosureOrder:
    return ClosureOrder(
        event=event.id,
        at=event.happened_at,
        recorded_at=event.recorded_at,
        cause=cause,
        rule=event.rule,
        authority=event.authority,
        reference=event.reference,
        actor=event.actor,
        reason=event.reason,
        hazard=event.hazard if isinstance(event, SiteClosed) else "",
    )


def _apply_extension(state: SiteState, event: ClosureExtended) -> SiteState:
    """Join an order to the closure; it stands alone where the order that it joined was corrected."""
    order = _build_order(event, "rule" if event.rule else "authority" if event.authority else "operator")
    return (
        _begin_closure(state, order, event)
        if state.closure is None
        else _join_orders(state, state.closure, order, event)
    )


def _join_orders(
    state: SiteState, closure: Closure, order: ClosureOrder, event: SiteClosed | ClosureExtended
) -> SiteState:
    """Add an order to a closure: it lasts to the latest of them, and approvals are void."""
    times = [t for t in (closure.earliest_reopening, event.earliest_reopening) if t is not None]
    return replace(
        state,
        closure=replace(
            closure,
            orders=(*closure.orders, order),
            earliest_reopening=max(times, default=None),
            home_only=closure.home_only or event.home_only,
            approvals=(),
        ),
    )


def _apply_check(state: SiteState, event: ReopeningChecked) -> SiteState:
    closure = state.closure
    if closure is None or event.item in dict(closure.done):
        return state
    return replace(state, closure=replace(closure, done=(*closure.done, (event.item, event.actor))))


def _apply_approval(state: SiteState, event: ReopeningApproved) -> SiteState:
    closure = state.closure
    if closure is None or event.actor in closure.approvals:
        return state
    return replace(state, closure=replace(closure, approvals=(*closure.approvals, event.actor)))


def _apply_reopening(state: SiteState, event: SiteReopened) -> SiteState:
    closure = state.closure
    if closure is None:
        return state
    over = replace(
        closure, reopened_at=event.happened_at, reopened_by=event.actor, reopening_recorded_at=event.recorded_at
    )
    return SiteState(closure=None, past=(*state.past, over))


_SITE_ACTS: dict[type[Event], Callable[[SiteState, Any], SiteState]] = {
    SiteClosed: _apply_close,
    ClosureExtended: _apply_extension,
    ReopeningChecked: _apply_check,
    ReopeningApproved: _apply_approval,
    SiteReopened: _apply_reopening,
}


def fold_absences(events: Sequence[Event]) -> tuple[Absence, ...]:
    """Fold the absences of one agent, by when they happened; a return ends those begun by then."""
    absences: list[Absence] = []
    for event in events:
        if isinstance(event, AgentUnavailable):
            start = event.happened_at if event.start is None else event.start
            absences.append(
                Absence(event.id, event.actor, start, event.until, reason=event.reason, stated_at=event.recorded_at)
            )
        elif isinstance(event, AgentBack):
            absences = [_end_absence(absence, event) for absence in absences]
    return tuple(absences)


def _end_absence(absence: Absence, event: AgentBack) -> Absence:
    at = event.happened_at
    if not event.names(absence.event, absence.actor):
        return absence
    begun = absence.start <= at or event.absence == absence.event
    lasting = absence.until is None or absence.until > at
    return replace(absence, until=at, back=True) if begun and lasting else absence


def fold_cases(events: Sequence[Event]) -> tuple[DeclaredCase, ...]:
    """Fold the cases of one agent, by when they happened; clearing ends the one it names.

    For an erased agent the case that a clearing names is erased too, so that it clears no case.
    """
    cases: list[DeclaredCase] = []
    for event in events:
        if not isinstance(event, CaseDeclared):
            continue
        at = min(event.happened_at, event.recorded_at)
        if event.status != "cleared":
            cases.append(
                DeclaredCase(
                    event=event.id,
                    agent=event.agent,
                    site=event.site,
                    status=event.status,
                    at=at,
                    recorded_at=event.recorded_at,
                    since=event.since,
                    until=event.until,
                    of=event.case,
                )
            )
        else:
            cases = [replace(c, cleared_at=at) if _clears_case(event, c) else c for c in cases]
    return tuple(cases)


def _clears_case(event: CaseDeclared, case: DeclaredCase) -> bool:
    """Return whether an event clears a case: the one that it names, on its site."""
    return case.event == event.case and case.site == event.site and case.cleared_at is None


def fold_outages(events: Sequence[Event]) -> tuple[Outage, ...]:
    """Fold the downs and ups of one line or supply, by when they happened, into its outages.

    Of several at one instant, what changes the state comes first: their order of record does not
    count.
    """
    outages: list[Outage] = []
    for _, together in groupby(events, key=lambda event: event.happened_at):
        waiting = sorted(together, key=lambda event: event.id)
        while waiting:
            last = outages[-1] if outages and outages[-1].until is None else None
            changing = (e for e in waiting if isinstance(e, LinkDown | PowerDown) == (last is None))
            event = next(changing, waiting[0])
            waiting.remove(event)
            if isinstance(event, LinkDown | PowerDown):
                if last is None:
                    outages.append(Outage(event.id, event.happened_at, event.expected_until))
                else:
                    outages[-1] = replace(last, expected_until=event.expected_until)
            elif last is not None:
                outages[-1] = replace(last, until=event.happened_at)
    return tuple(outages)


def fold_permit(events: Sequence[Event]) -> Permit | None:
    """Fold one authorisation, by when it happened: its last grant, and its withdrawal after it."""
    permit: Permit | None = None
    for event in events:
        if isinstance(event, AuthorisationGranted):
            permit = Permit(event)
        elif isinstance(event, AuthorisationWithdrawn):
            permit = Permit(permit.grant if permit else None, event.happened_at)
    return permit


def fold_pack(events: Sequence[Event]) -> tuple[ChosenPack, ...]:
    """Fold the days on which one pack of rules holds, in the order of record."""
    spans: list[ChosenPack] = []
    for event in events:
        if isinstance(event, PackChosen):
            spans.append(ChosenPack(event.pack, event.valid_from, event.valid_to))
        elif isinstance(event, PackEnded):
            lasting = [span for span in spans if span.first <= event.valid_to]
            spans = [replace(span, last=event.valid_to) if span.holds_on(event.valid_to) else span for span in lasting]
    return tuple(spans)


def take_last(events: Sequence[Event]) -> Event | None:
    """Return the event that happened last, as the state of its subject."""
    return events[-1] if events else None
