"""A small operator whose places and people are known, and a clock to record events by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from releve import network
from releve.situation import (
    KINDS,
    ChosenPack,
    Event,
    EventRefusal,
    Notice,
    Situation,
    SituationRules,
    apply_event,
    complete_correction,
    derive_events,
    empty_situation,
    find_refusals,
    list_notices,
)
from releve.situation.shipped import load_rules_with

START = datetime(2026, 11, 30, 9, tzinfo=UTC)
"""A Monday, 9 h at Casablanca (on UTC all year) and 10 h at Lille."""
CHECKLIST: tuple[str, ...] = ("disinfected", "ventilation_checked", "contacts_listed", "commission_agrees")
CHECKLIST += ("supplies_ready",)


def _shift(agent: str, day: int, hours: tuple[int, int]) -> network.Shift:
    midnight = datetime(2026, 11, 30, tzinfo=UTC) + timedelta(days=day)
    return network.Shift(agent, midnight + timedelta(hours=hours[0]), midnight + timedelta(hours=hours[1]))


def operator(**changes: Any) -> network.Operator:
    """Return three sites; six agents at casa, on two zones of one floor and one of another."""
    agents = [
        network.Agent(f"a{n}", "casa", ("p",), home_ready=True, line_type="fibre", carrier="Ixtel") for n in range(1, 7)
    ]
    agents[0] = replace(agents[0], stop="maarif")
    agents[1] = replace(agents[1], stop="maarif")
    agents[5] = replace(agents[5], stop="maarif", own_transport=True)
    agents += [network.Agent(f"l{n}", "lille", ("p",)) for n in range(1, 4)]
    zones = (("z1", "f1"), ("z2", "f1"), ("z3", "f2"))
    seats = (("s1", "z1", 0.0), ("s2", "z1", 1.6), ("s3", "z1", 8.0), ("s4", "z2", 9.5))
    base = network.Operator(
        network.OperatorRow("Atlas (synthetic)", "Africa/Casablanca"),
        (
            network.Site("casa", "Casa", "MA", "Casablanca", "Africa/Casablanca", 33.5, -7.6),
            network.Site("rabat", "Rabat", "MA", "Rabat", "Africa/Casablanca", 34.0, -6.8),
            network.Site("lille", "Lille", "FR", "Lille", "Europe/Paris", 50.6, 3.1),
        ),
        (network.Floor("f1", "casa"), network.Floor("f2", "casa")),
        tuple(network.Zone(name, floor, 500.0, 3.0) for name, floor in zones),
        (*(network.Seat(n, z, x, 0.0) for n, z, x in seats), network.Seat("s5", "z3", 0.0, 0.0)),
        (),
        (),
        tuple(agents),
        (network.Stop("maarif", "Maârif", 33.58, -7.63),),
        (network.Shuttle("maarif", "casa", 25.0),),
        tuple(_shift(f"a{n}", day, (8, 16)) for n in range(1, 7) for day in range(3)),
    )
    bus = network.Vehicle("bus", "depot", 16)
    depot = network.Depot("depot", 33.5, -7.6, ("casa",))
    return replace(base, **{"depots": (depot,), "vehicles": (bus,), **changes})


def permit(name: str, subject: str, first: str, last: str, kind: str = "site") -> network.Authorisation:
    """Return a row of the operator's table of authorisations."""
    read = [datetime.fromisoformat(day).date() for day in (first, last)]
    return network.Authorisation(name, kind, subject, read[0], read[1])


HEALTH_2020 = ChosenPack("health-2020", date(2020, 1, 1))
HEALTH_RULES = load_rules_with(chosen=[HEALTH_2020])
"""The shipped rules with the health rules of 2020 chosen for good."""


@dataclass
class Chain:
    """Records events one after the other as the desk does: refused, or applied and answered."""

    operator: network.Operator = field(default_factory=operator)
    rules: SituationRules = field(default_factory=lambda: HEALTH_RULES)
    now: datetime = START
    situation: Situation = field(default_factory=lambda: empty_situation(("casa", "rabat", "lille")))
    events: list[Event] = field(default_factory=list)
    count: int = 0

    def after(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> Chain:
        """Move the clock forward."""
        self.now += timedelta(days=days, hours=hours, minutes=minutes)
        return self

    def event(self, kind: str, **values: Any) -> Event:
        """Return an event of this moment, unless ``values`` say otherwise."""
        self.count += 1
        common: dict[str, Any] = {"id": f"e{self.count}", "happened_at": self.now, "recorded_at": self.now}
        event = KINDS[kind](**({**common, "actor": "samira"} | values))
        return complete_correction(event, self.situation, self.operator, self.rules, self.now)

    def refused(self, kind: str, **values: Any) -> set[str]:
        """Return the codes by which an event is refused; it is not recorded."""
        return {refusal.code for refusal in self.reasons(kind, **values)}

    def reasons(self, kind: str, **values: Any) -> tuple[EventRefusal, ...]:
        """Return the refusals of an event; it is not recorded."""
        return find_refusals(self.event(kind, **values), self.situation, self.operator, self.rules)

    def record(self, kind: str, **values: Any) -> tuple[Event, ...]:
        """Record an event that the rules have to accept; return what the rules answered."""
        event = self.event(kind, **values)
        reasons = find_refusals(event, self.situation, self.operator, self.rules)
        assert reasons == (), [reason.sentence() for reason in reasons]
        self._keep([event])
        return self.answer()

    def answer(self) -> tuple[Event, ...]:
        """Apply what the rules call for now, each of it acceptable; nothing more may follow."""
        answered = derive_events(self.situation, self.operator, self.rules, self.now)
        for event in answered:
            assert find_refusals(event, self.situation, self.operator, self.rules) == ()
            self._keep([event])
        assert derive_events(self.situation, self.operator, self.rules, self.now) == ()
        return answered

    def notices(self, *codes: str) -> list[Notice]:
        """Return what is to be seen to now, of some codes or all."""
        found = list_notices(self.situation, self.operator, self.rules, self.now)
        return [notice for notice in found if not codes or notice.code in codes]

    def case(self, agent: str, site: str = "casa", **values: Any) -> tuple[Event, ...]:
        """Declare a case."""
        values = {"status": "declared_case", **values}
        return self.record("case.declared", agent=agent, site=site, **values)

    def reopen(self, site: str = "casa", items: Iterable[str] = CHECKLIST) -> None:
        """Do the checklist, approve by two people and reopen."""
        self.agree(site, items)
        self.record("site.reopened", site=site)

    def agree(self, site: str = "casa", items: Iterable[str] = CHECKLIST) -> None:
        """Do the checklist and approve by two people."""
        for item in items:
            self.record("reopening.checked", site=site, item=item)
        self.record("reopening.approved", site=site, actor="samira")
        self.record("reopening.approved", site=site, actor="karim")

    def closed(self, site: str = "casa") -> bool:
        """Return whether a site is closed."""
        return self.situation.site(site).closed

    def _keep(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.situation = apply_event(self.situation, event)


def kinds_of(events: Iterable[Event]) -> list[str]:
    """Return the kinds of some events."""
    return [event.kind for event in events]
