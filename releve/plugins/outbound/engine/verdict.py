"""The verdict on a call: every row that refuses it, on what basis, until when, and when next.

:func:`judge_call` is pure: the same call, facts, rules and ``known_at`` always give the same
verdict. ``legal`` is the text in its best reading; ``allowed`` adds our policy. A refusal by policy
is never a legal one.

Every row's answer is constant between *changes*: the openings and closings of a clock rule, the
instants of the facts, the days on which a row starts or ends. So the first allowed instant is no
earlier than the latest next change of the rows that refuse: the search jumps there and looks again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from importlib import metadata
from typing import Any

from releve.network.moments import UTC
from releve.plugins.outbound.engine.checks import (
    CHECKS,
    CLOCK_CHANGES,
    INSTANTS,
    PHASES,
    Check,
    check_consent_dates,
    select_attempts_in_window,
)
from releve.plugins.outbound.engine.errors import CallFault
from releve.plugins.outbound.engine.exceptions import CONSENT_KINDS, ConsentState, find_lift, judge_consents
from releve.plugins.outbound.engine.facts import Facts, Watermark
from releve.plugins.outbound.engine.judged_call import Call, CallMoment, JudgedCall, RowFailure, build_judged_call
from releve.plugins.outbound.engine.legal_rows import ANY, LegalRow, LegalRules, RowsInForce, find_legal_midnight
from releve.plugins.outbound.engine.phrases import render_sentence

Findings = tuple[LegalRow, ...]
"""The rows that refuse at a moment."""

_MOST_JUMPS = 10_000
_MOST_LOOKS = 300
"""How many changes an allowed verdict is followed through; it is then said to stand until there."""


def search_next_allowed(
    case: JudgedCall, start: datetime, failing: Callable[[CallMoment], Findings]
) -> datetime | None:
    """Return the first allowed instant from ``start`` on, None when none is in sight."""
    changes, at = list_fact_changes(case), start.astimezone(UTC)
    for _ in range(_MOST_JUMPS):
        moment = case.at(at)
        rows = failing(moment)
        if not rows:
            return at
        jumps = [find_next_change(row, moment, changes) for row in rows]
        if None in jumps:
            return None
        at = max(jump for jump in jumps if jump is not None)
    return None


def find_end(case: JudgedCall, start: datetime, failing: Callable[[CallMoment], Findings]) -> datetime | None:
    """Return when an allowed verdict stops standing, None when no change is in sight."""
    changes, at = list_fact_changes(case), start.astimezone(UTC)
    for _ in range(_MOST_LOOKS):
        moment = case.at(at)
        nexts = [find_next_change(row, moment, changes) for row in moment.rows]
        known = [change for change in nexts if change is not None]
        if not known:
            return None
        at = min(known)
        if failing(case.at(at)):
            return at
    return at


def list_fact_changes(case: JudgedCall) -> tuple[datetime, ...]:
    """Return every instant at which a fact may change the answer of a row, in order."""
    found = {find_legal_midnight(day) for day in case.rules.numbers.changes()}
    for row in case.rows:
        if row.kind in INSTANTS:
            found.update(moment.astimezone(UTC) for moment in INSTANTS[row.kind](row, case))
    return tuple(sorted(found))


def find_next_change(row: LegalRow, moment: CallMoment, changes: tuple[datetime, ...]) -> datetime | None:
    """Return the first instant after a moment at which a row's answer may change."""
    found = (find_next_answer_change(row, moment, changes), moment.law_until)
    return min(filter(None, found), default=None)


def find_next_answer_change(row: LegalRow, moment: CallMoment, changes: tuple[datetime, ...]) -> datetime | None:
    """Return the first instant after a moment at which a row that stays may answer otherwise."""
    place = bisect_right(changes, moment.at)
    found = [changes[place]] if place < len(changes) else []
    if row.kind in CLOCK_CHANGES:
        clock = CLOCK_CHANGES[row.kind](row, moment)
        found += [] if clock is None else [clock]
    return min(found, default=None)


@dataclass(frozen=True, slots=True)
class CallFinding:
    """One row that refuses the call, with the facts it rests on."""

    row: LegalRow
    quotes: Mapping[str, Any]
    facts: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return the row's id."""
        return self.row.id

    @property
    def legal(self) -> bool:
        """Return whether the text refuses; False: our policy alone does."""
        return self.row.gate == "H"

    @property
    def unknown(self) -> bool:
        """Return whether it refuses because something is not known."""
        return self.row.kind == "data"

    def says(self, language: str = "fr") -> str:
        """Return the sentence that a person reads."""
        return render_sentence(self.row.refuses or self.row.rule, self.row, self.quotes, language)

    def remedy(self, language: str = "fr") -> str:
        """Return what would make the call lawful, empty where the row does not say."""
        words = self.row.remedy
        return "" if words is None else render_sentence(words, self.row, self.quotes, language)

    def explains(self, language: str = "fr") -> str:
        """Return why the call is refused, and what would make it lawful."""
        return " ".join(filter(None, (self.says(language), self.remedy(language))))


@dataclass(frozen=True, slots=True)
class Lifted:
    """A row that did not bind, the exception that lifted it, and the basis this one granted."""

    row: LegalRow
    by: LegalRow
    basis: str


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Where the callee may be, and the wall clock there."""

    territory: str
    zone: str
    local: datetime


@dataclass(frozen=True, slots=True)
class CallVerdict:
    """What was decided on a call, and all that it rests on."""

    call: Call
    known_at: datetime
    number: str
    person: str
    jurisdiction: str
    places: tuple[LocalTime, ...]
    findings: tuple[CallFinding, ...]
    lifted: tuple[Lifted, ...]
    duties: tuple[LegalRow, ...]
    basis: str
    """consent:ID, contract:ID, callback:ID, object:NAME, none-needed, not-regulated, or empty."""
    attempts: int
    """Attempts in the window of the cap."""
    watermarks: tuple[Watermark, ...]
    until: datetime | None
    """When an allowed verdict stops standing by the passing of time alone; None: not in sight."""
    next_allowed: datetime | None
    """The first instant from the call on that is allowed on what is known; None: not in sight."""
    rules_version: str
    zones_version: str

    @property
    def legal(self) -> bool:
        """Return whether the text permits the call."""
        return not any(finding.legal for finding in self.findings)

    @property
    def allowed(self) -> bool:
        """Return whether the call may be placed: by the text and by our policy."""
        return not self.findings

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the ids of the rows that refuse, each once, in order."""
        return tuple(dict.fromkeys(finding.id for finding in self.findings))


def judge_call(call: Call, facts: Facts, rules: LegalRules, known_at: datetime, *, timed: bool = True) -> CallVerdict:
    """Return the verdict on a call with what was known by ``known_at``.

    ``timed`` False leaves out ``until`` and ``find_next_allowed``, which cost most of the time.
    CallFault when ``known_at`` has no offset; everything else that is wrong refuses with its row.
    """
    if known_at.utcoffset() is None:
        raise CallFault(f"known_at has no offset: {known_at.isoformat()}")
    case = build_judged_call(call, facts, rules, known_at)
    moment = case.at(call.at)
    judged = _judge_moment(moment)
    if not timed:
        return _build_verdict(case, moment, judged, None, None)
    if judged.findings:
        return _build_verdict(case, moment, judged, None, search_next_allowed(case, moment.at, _list_failing_rows))
    until = find_end(case, moment.at, _list_failing_rows)
    return _build_verdict(case, moment, judged, until, moment.at)


def find_next_allowed(call: Call, facts: Facts, rules: LegalRules, known_at: datetime) -> datetime | None:
    """Return the first instant from ``call.at`` on at which the call is allowed, on what is known.

    None when there is none in sight: nothing but a new fact or a new rule would allow it. Exact to
    the microsecond across changes of the clocks, holidays, territories and changes of the law.
    """
    case = build_judged_call(call, facts, rules, known_at)
    return search_next_allowed(case, call.at, _list_failing_rows)


@dataclass(frozen=True, slots=True)
class _JudgedMoment:
    """A moment judged: the findings in order, how consents stand, what was lifted."""

    findings: tuple[CallFinding, ...]
    consents: ConsentState = field(default_factory=ConsentState)
    lifted: tuple[Lifted, ...] = ()


def _find_unjudgeable(moment: CallMoment) -> CallFinding | None:
    """Return the refusal of a call that no country's rows can judge, None when they can."""
    case = moment.case
    if case.callee.fault:
        return _build_data_finding(moment, "number", case.callee.fault)
    if not case.places:
        return _build_data_finding(moment, "jurisdiction", "foreign")
    if not moment.in_force.of_kind("scope"):
        return _build_data_finding(moment, "jurisdiction", "no-rules")
    return None


def _build_data_finding(moment: CallMoment, what: str, detail: str) -> CallFinding:
    common = moment.case.rules.in_force(ANY, moment.day)
    rows = (*moment.in_force.of_kind("data"), *common.of_kind("data"))
    return CallFinding(next(row for row in rows if row.parameters["what"] == what), {"detail": detail})


def _judge_moment(moment: CallMoment) -> _JudgedMoment:
    """Return every row that refuses at a moment, in the order in which the law is read."""
    refused = _find_unjudgeable(moment)
    if refused is not None:
        return _JudgedMoment((refused,))
    state = judge_consents(moment)
    failures: list[tuple[LegalRow, RowFailure]] = list(state.failures)
    lifted = [] if state.lifted is None else [Lifted(*state.lifted)]
    for row, check in _list_checks(moment.bound):
        failing = check(row, moment) if check else check_consent_dates(row, moment, state)
        if not failing:
            continue
        lift = find_lift(row, moment)
        if lift is not None:
            lifted.append(Lifted(row, *lift))
            continue
        failures += [(row, failure) for failure in failing]
    failures.sort(key=lambda pair: (PHASES[pair[0].kind], pair[0].gate))
    found = tuple(CallFinding(row, failure.quotes, failure.facts) for row, failure in failures)
    return _JudgedMoment(found, state, tuple(lifted))


@lru_cache(maxsize=4096)
def _list_checks(bound: RowsInForce) -> tuple[tuple[LegalRow, Check | None], ...]:
    """Return the rows that something checks, with what; None: what must be known are consents."""
    return tuple(
        (row, None if row.parameters.get("what") == "consent" else CHECKS[row.kind])
        for row in bound.rows
        if row.kind in CHECKS
    )


def _list_failing_rows(moment: CallMoment) -> Findings:
    return tuple(finding.row for finding in _judge_moment(moment).findings)


def _build_verdict(
    case: JudgedCall, moment: CallMoment, judged: _JudgedMoment, until: datetime | None, following: datetime | None
) -> CallVerdict:
    caps = [row for row in moment.bound.of_kind("cap") if row.gate == "H"]
    duties = tuple(row for row in moment.bound.of_kind("duty") if find_lift(row, moment) is None)
    return CallVerdict(
        call=case.call,
        known_at=case.known_at,
        number=case.callee.text,
        person=case.person,
        jurisdiction=case.jurisdiction,
        places=tuple(LocalTime(p.code, p.zone, moment.local(p.zone)) for p in case.places),
        findings=judged.findings,
        lifted=judged.lifted,
        duties=duties,
        basis=_find_basis(moment, judged.consents, judged.lifted),
        attempts=len(select_attempts_in_window(caps[0], moment)) if caps else 0,
        watermarks=tuple(case.known.watermarks[name] for name in sorted(case.known.watermarks)),
        until=until,
        next_allowed=following,
        rules_version=case.rules.version,
        zones_version=_read_zones_version(),
    )


@cache
def _read_zones_version() -> str:
    return metadata.version("tzdata")


def _find_basis(moment: CallMoment, state: ConsentState, lifted: tuple[Lifted, ...]) -> str:
    """Return the ground of the call, empty when it has none."""
    if not moment.regulated:
        return "not-regulated"
    if state.needed:
        consent = state.policy or state.legal
        return f"consent:{consent.id}" if consent else ""
    grounds = [lift.basis for lift in lifted if lift.row.kind not in ("hours", *CONSENT_KINDS)]
    return grounds[0] if grounds else "none-needed"
