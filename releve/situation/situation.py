"""The situation: an immutable value into which events fold, subject by subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any

from releve.situation import events, events_control, state
from releve.situation.audits import CharterAudit, fold_audit
from releve.situation.draws import DrawPlan, fold_draws
from releve.situation.event import Event
from releve.situation.incidents import Incident, fold_incident
from releve.situation.rule_kinds import ChosenPack

Key = tuple[str, ...]
"""The subject within its family, such as (site, day)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """The events of one subject and the state they fold into.

    ``events`` holds the corrected ones too; ``state`` does not count them.
    """

    events: tuple[Event, ...]
    state: Any


@dataclass(frozen=True, slots=True)
class LostPlaces:
    """Places that cannot be planned, by id, and until when (None = not known).

    ``home_only``: the lost sites whose people may work at home only, not on another site.
    """

    sites: Mapping[str, datetime | None]
    carriers: Mapping[str, datetime | None]
    home_only: frozenset[str]


_EMPTY: Mapping[Key, Topic] = MappingProxyType({})

_BY_HAPPENED, _AS_RECORDED = True, False
FAMILIES: Mapping[str, tuple[Callable[[Any], Any], bool]] = {
    "sites": (state.fold_site, _AS_RECORDED),
    "agents": (state.fold_absences, _BY_HAPPENED),
    "cases": (state.fold_cases, _BY_HAPPENED),
    "outages": (state.fold_outages, _BY_HAPPENED),
    "aims": (state.take_last, _AS_RECORDED),
    "permits": (state.fold_permit, _BY_HAPPENED),
    "checks": (state.take_last, _BY_HAPPENED),
    "inspections": (state.take_last, _BY_HAPPENED),
    "tests": (state.take_last, _BY_HAPPENED),
    "attendance": (state.take_last, _BY_HAPPENED),
    "roll": (state.take_last, _BY_HAPPENED),
    "audits": (state.take_last, _BY_HAPPENED),
    "incidents": (fold_incident, _BY_HAPPENED),
    "draws": (fold_draws, _AS_RECORDED),
    "charter_audits": (fold_audit, _AS_RECORDED),
    "packs": (state.fold_pack, _AS_RECORDED),
}
"""By family: the folding function, and whether it takes events in the order of happening.

Only the acts on a closed site, the aim of reliefs, a plan of draws, an audit and a pack of rules follow the
order of record: each was judged after those before it.
All others are sorted by when they happened, however late they were recorded.
"""


@dataclass(frozen=True)
class Situation:
    """The state folded from the events of one stream; equal for equal events.

    ``site_ids`` are the operator's sites. ``first_recorded_at`` and ``last_recorded_at`` are None
    before the first event.
    ``withdrawn`` are the events that a correction names. The mappings are by id and must not be
    changed.
    """

    site_ids: tuple[str, ...] = ()
    first_recorded_at: datetime | None = None
    last_recorded_at: datetime | None = None
    corrections: tuple[events.EventCorrected, ...] = ()
    withdrawn: tuple[Event, ...] = ()
    families: Mapping[str, Mapping[Key, Topic]] = field(default_factory=dict, repr=False)

    @cached_property
    def corrected(self) -> frozenset[str]:
        """Ids of the events that no longer count."""
        return frozenset(event.corrects for event in self.corrections)

    @cached_property
    def sites(self) -> Mapping[str, state.SiteState]:
        """Every site of the operator, and any other that an event names."""
        known = {site: state.SiteState() for site in self.site_ids}
        return known | {key[0]: value for key, value in self._get_states("sites").items()}

    @cached_property
    def absences(self) -> Mapping[str, tuple[state.Absence, ...]]:
        """The absences of each agent, by when they were stated."""
        found = self._get_states("agents").items()
        return {key[0]: value for key, value in found if key[0] and value}

    @cached_property
    def cases(self) -> tuple[state.DeclaredCase, ...]:
        """Every declared case and contact by its date: for the health officer alone."""
        found = (case for cases in self._get_states("cases").values() for case in cases)
        return tuple(sorted(found, key=lambda case: (case.at, case.event)))

    @cached_property
    def cases_at(self) -> Mapping[str, tuple[state.DeclaredCase, ...]]:
        """The cases by site, each by its date: for the health officer alone."""
        found: dict[str, list[state.DeclaredCase]] = {}
        for case in self.cases:
            found.setdefault(case.site, []).append(case)
        return {site: tuple(cases) for site, cases in found.items()}

    @cached_property
    def outages(self) -> Mapping[Key, state.Outage]:
        """Outages that last, by ``("link", site)``, ``("carrier", name)``, ``("power", site)``."""
        last = {key: spans[-1] for key, spans in self.outage_history.items() if spans}
        return {key: outage for key, outage in last.items() if outage.until is None}

    @property
    def outage_history(self) -> Mapping[Key, tuple[state.Outage, ...]]:
        """Every outage, those that are over too, the oldest first; keys as of ``outages``."""
        return self._get_states("outages")

    @cached_property
    def permits(self) -> Mapping[str, state.Permit]:
        """Authorisations by id, those that are over too."""
        return {key[0]: value for key, value in self._get_states("permits").items() if value}

    @cached_property
    def checks(self) -> Mapping[tuple[str, str], events_control.CheckDone]:
        """The daily check by site and day (ISO)."""
        return self._get_known_states("checks")

    @cached_property
    def attendance(self) -> Mapping[tuple[str, str], events_control.AgentsPresent]:
        """Attendance by site and day (ISO)."""
        return self._get_known_states("attendance")

    @cached_property
    def roll(self) -> Mapping[tuple[str, str], events_control.RollMarked]:
        """The last mark of the roll calls by site and agent."""
        return self._get_known_states("roll")

    @cached_property
    def audits(self) -> Mapping[tuple[str, str], events_control.AuditVerdict]:
        """The auditor's last verdict by site (empty = the operator) and measure."""
        return self._get_known_states("audits")

    @cached_property
    def charter_audits(self) -> Mapping[str, CharterAudit]:
        """The audits of the charter by id, those that are concluded too."""
        return {key[0]: value for key, value in self._get_known_states("charter_audits").items()}

    @cached_property
    def draws(self) -> Mapping[str, DrawPlan]:
        return {key[0]: value for key, value in self._get_known_states("draws").items()}

    @cached_property
    def inspections(self) -> tuple[events_control.InspectionHeld, ...]:
        """Every inspection, the oldest first."""
        return tuple(sorted(self._get_known_states("inspections").values(), key=_happened_key))

    @cached_property
    def tests(self) -> tuple[events_control.PeopleTested, ...]:
        """Every count of tests, the oldest first: for the health officer alone."""
        return tuple(sorted(self._get_known_states("tests").values(), key=_happened_key))

    @cached_property
    def incidents(self) -> Mapping[str, Incident]:
        """Incidents by id, those that are over too."""
        return {key[0]: value for key, value in self._get_states("incidents").items() if value}

    @property
    def aim_choice(self) -> events.ReliefAimChosen | None:
        """The choice in force of what reliefs aim at; None: no person made one, or it has ended."""
        chosen: events.ReliefAimChosen | None = self._get_known_states("aims").get(())
        return chosen if chosen is not None and chosen.aim else None

    @property
    def relief_aim(self) -> str:
        """What reliefs aim at by a person's choice; empty: none is in force."""
        return "" if self.aim_choice is None else self.aim_choice.aim

    @cached_property
    def packs(self) -> tuple[ChosenPack, ...]:
        """The packs of rules that are chosen, each with its days, past ones too."""
        spans = (span for spans in self._get_states("packs").values() for span in spans)
        return tuple(sorted(spans, key=lambda span: (span.pack, span.first)))

    def site(self, site: str) -> state.SiteState:
        """Return the state of a site; without events it is open."""
        return self.sites.get(site, state.SiteState())

    def lost_places(self, now: datetime) -> LostPlaces:
        """Return which sites and home carriers are lost now, and until when as far as known."""
        sites = {site: state.closure for site, state in self.sites.items() if state.closure}
        home_only = frozenset(site for site, closure in sites.items() if closure.home_only)
        ends = [("site", site, closure.earliest_reopening) for site, closure in sites.items()]
        for (what, name), outage in self.outages.items():
            if outage.since <= now:
                kind = "carrier" if what == "carrier" else "site"
                ends.append((kind, name, outage.expected_until))
        lost: dict[str, dict[str, datetime | None]] = {"site": {}, "carrier": {}}
        for kind, name, end in ends:
            known = end if end is not None and end > now else None
            before = lost[kind].get(name, known)
            lost[kind][name] = None if known is None or before is None else max(before, known)
        return LostPlaces(lost["site"], lost["carrier"], home_only)

    def unavailable(self, now: datetime, until: datetime | None = None) -> Mapping[str, datetime | None]:
        """Return who is unavailable now, or at some time from now to ``until``, and until when.

        None = not known. Absences that touch count as one. The result holds no reasons.
        """
        end = now if until is None else until
        found = {agent: _find_unavailable(rows, now, end) for agent, rows in self.absences.items()}
        return {agent: span.until for agent, span in found.items() if span is not None}

    def event(self, event_id: str) -> Event | None:
        """Return the event of an id, corrected or not; None when there is none."""
        everywhere = (topic for family in self.families.values() for topic in family.values())
        found = chain(self.corrections, *(topic.events for topic in everywhere))
        return next((event for event in found if event.id == event_id), None)

    def list_events(self, family: str, *key: str) -> tuple[Event, ...]:
        """Return the events of one subject, corrected ones too, such as ``("sites", "casa-1")``."""
        topic = self.families.get(family, _EMPTY).get(key)
        return () if topic is None else topic.events

    def _get_states(self, family: str) -> Mapping[Key, Any]:
        return {key: topic.state for key, topic in self.families.get(family, _EMPTY).items()}

    def _get_known_states(self, family: str) -> Mapping[Any, Any]:
        return {key: value for key, value in self._get_states(family).items() if value is not None}


def _find_unavailable(absences: Iterable[state.Absence], now: datetime, end: datetime) -> state.Absence | None:
    """Return the first absence that meets [now, end], lengthened by those that touch it."""
    span: state.Absence | None = None
    for absence in sorted(absences, key=lambda absence: absence.start):
        over = absence.until is not None and absence.until <= max(now, absence.start)
        if over or (span is None and absence.start > end):
            continue
        if span is None:
            span = absence
        elif span.until is not None and absence.start <= span.until:
            later = None if absence.until is None else max(span.until, absence.until)
            span = replace(span, until=later)
    return span


def empty_situation(site_ids: Iterable[str] = ()) -> Situation:
    """Return the situation in which nothing has happened: every site open, all agents present."""
    return Situation(site_ids=tuple(site_ids))


def apply_event(situation: Situation, event: Event) -> Situation:
    """Return the situation after one more event; never raises on an event.

    An event recorded twice (the same id) changes nothing.
    """
    return fold_events((event,), situation)


def fold_events(happened: Iterable[Event], start: Situation | None = None) -> Situation:
    """Return the situation after some events, in the order of record, from ``start`` or nothing.

    Only the families that ``FAMILIES`` folds as recorded depend on that order: see
    ``docs/situation.md``.
    """
    situation = empty_situation() if start is None else start
    gathered: dict[str, dict[Key, list[Event]]] = {}
    corrections: list[events.EventCorrected] = []
    first, last = situation.first_recorded_at, situation.last_recorded_at
    for event in happened:
        first = min(first or event.recorded_at, event.recorded_at)
        last = max(last or event.recorded_at, event.recorded_at)
        if isinstance(event, events.EventCorrected):
            corrections.append(event)
            continue
        gathered.setdefault(event.family, {}).setdefault(event.subject, []).append(event)
    gone = situation.corrected | {event.corrects for event in corrections}
    families = dict(situation.families)
    for family, topics in gathered.items():
        old = families.get(family, _EMPTY)
        new = {key: _extend_topic(family, old.get(key), extra, gone) for key, extra in topics.items()}
        families[family] = {**old, **new}
    folded = replace(
        situation,
        first_recorded_at=first,
        last_recorded_at=last,
        corrections=_sort_distinct((*situation.corrections, *corrections)),
        families=families,
    )
    late = [e for topics in gathered.values() for es in topics.values() for e in es if e.id in gone]
    return _fold_without(folded, gone) if corrections or late else folded


def _extend_topic(family: str, old: Topic | None, extra: Iterable[Event], gone: frozenset[str]) -> Topic:
    """Return a topic with more events; those already there are not taken twice."""
    folding, by_happened = FAMILIES[family]
    known = {event.id: event for event in (() if old is None else old.events)}
    for event in extra:
        known.setdefault(event.id, event)
    ordered = sorted(known.values(), key=_happened_key) if by_happened else list(known.values())
    return Topic(tuple(ordered), folding([e for e in ordered if e.id not in gone]))


def _fold_without(situation: Situation, gone: frozenset[str]) -> Situation:
    """Fold again the topics that hold a corrected event, and gather those events."""
    families = {family: dict(topics) for family, topics in situation.families.items()}
    withdrawn: list[Event] = []
    for family, topics in families.items():
        for key, topic in topics.items():
            found = [event for event in topic.events if event.id in gone]
            if found:
                topics[key] = _extend_topic(family, topic, (), gone)
                withdrawn += found
    return replace(situation, families=families, withdrawn=tuple(sorted(withdrawn, key=_happened_key)))


def ignore_corrections(situation: Situation, ignored: frozenset[str]) -> Situation:
    """Return a situation as if some corrections, by their ids, had not been made."""
    kept = tuple(event for event in situation.corrections if event.id not in ignored)
    gone = frozenset(event.corrects for event in kept)
    back = situation.corrected - gone
    families = {family: dict(topics) for family, topics in situation.families.items()}
    for family, topics in families.items():
        for key, topic in topics.items():
            if any(event.id in back for event in topic.events):
                topics[key] = _extend_topic(family, topic, (), gone)
    withdrawn = tuple(event for event in situation.withdrawn if event.id in gone)
    return replace(situation, corrections=kept, withdrawn=withdrawn, families=families)


def _happened_key(event: Event) -> tuple[datetime, datetime, str]:
    return event.happened_at, event.recorded_at, event.id


def _sort_distinct(corrections: tuple[events.EventCorrected, ...]) -> tuple[events.EventCorrected, ...]:
    """Return the corrections by when they happened, each once."""
    known: dict[str, events.EventCorrected] = {}
    for event in corrections:
        known.setdefault(event.id, event)
    return tuple(sorted(known.values(), key=_happened_key))
