"""What the callees of one group of a list have in common, asked of the plain engine once."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from releve.network.clock import UTC
from releve.outbound.calls import Call
from releve.outbound.check_table import CHECKS, CLOCK_CHANGES, PHASES
from releve.outbound.consents import CONSENT_KINDS
from releve.outbound.facts import Facts
from releve.outbound.judged_call import CallMoment, JudgedCall, build_judged_call
from releve.outbound.legal_rows import LegalRow, LegalRules
from releve.outbound.next_allowed import find_next_answer_change, list_fact_changes
from releve.outbound.verdict import CallVerdict, judge_call

__all__ = ["PERSONAL", "GroupAt", "ScreeningGroup"]

PERSONAL = frozenset({"consent_required", "list_opposition", "cap", "silence", "pause"}).union(
    CONSENT_KINDS
)
"""Kinds whose answer differs from one person of a group to the next, and that columns can judge."""
_NOT_IN_COLUMNS = frozenset({"automated_consent"})
_MOST_JUMPS = 1000
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class GroupAt:
    """A group at an instant: the rows that can refuse, in order; a row's bit is its place.

    ``fixed`` are the bits of the rows that refuse everybody, unless an exception lifts them.
    """

    moment: CallMoment
    tests: tuple[LegalRow, ...]
    fixed: int

    def bits(self, *kinds: str) -> int:
        """Return the bits of the rows of some kinds."""
        return sum(1 << i for i, row in enumerate(self.tests) if row.kind in kinds)

    def ids(self, mask: int) -> str:
        """Return the ids of the rows in a mask, each once, in order."""
        rows = (row.id for i, row in enumerate(self.tests) if mask >> i & 1)
        return "|".join(dict.fromkeys(rows))

    def legal_bits(self) -> int:
        """Return the bits of the rows of the text."""
        return sum(1 << i for i, row in enumerate(self.tests) if row.gate == "H")


class ScreeningGroup:
    """A group: a call to one of its people of whom nothing is known, and the client's own facts."""

    def __init__(self, call: Call, facts: Facts, rules: LegalRules, known_at: datetime) -> None:
        self.case: JudgedCall = build_judged_call(call, facts, rules, known_at)
        self.verdict: CallVerdict = judge_call(call, facts, rules, known_at)
        self._at: dict[datetime, GroupAt] = {}

    @property
    def alike(self) -> bool:
        """Return whether every member has the same verdict: no country's rows can judge them."""
        return bool(self.case.callee.fault or not self.case.places)

    @cached_property
    def in_columns(self) -> bool:
        """Return whether columns can judge every row that binds its people."""
        for row in self.case.rows:
            if row.kind == "exception_consent" and row.parameters["after_listing"]:
                return False
        return self.in_columns_at(self.case.call.at)

    def in_columns_at(self, instant: datetime) -> bool:
        """Return whether columns can judge every row that is in force at an instant."""
        at = self.at(instant)
        if not at.moment.in_force.of_kind("scope"):
            return False  # a day before the law: what follows it differs from person to person
        return not any(row.kind in _NOT_IN_COLUMNS for row in at.tests)

    def at(self, instant: datetime) -> GroupAt:
        """Return the group at an instant."""
        if instant not in self._at:
            self._at[instant] = _build_group_at(self.case.at(instant))
        return self._at[instant]

    def next_clear(self, instant: datetime) -> datetime | None:
        """Return the first instant from one on at which no clock refuses, None if none is."""
        for _ in range(_MOST_JUMPS):
            moment = self.case.at(instant)
            shut = [r for r in moment.rows if r.kind in CLOCK_CHANGES and CHECKS[r.kind](r, moment)]
            if not shut:
                return moment.at
            opens = [CLOCK_CHANGES[row.kind](row, moment) for row in shut]
            if None in opens:
                return None
            instant = max(found for found in opens if found is not None)
        return None

    def clear_spans(self, until: datetime) -> list[tuple[datetime, datetime]]:
        """Return when no clock refuses, from the call to some instant: starts and ends in turn."""
        spans: list[tuple[datetime, datetime]] = []
        start = self.next_clear(self.case.call.at)
        while start is not None:
            moment = self.case.at(start)
            clocks = [row for row in moment.rows if row.kind in CLOCK_CHANGES]
            ends = [CLOCK_CHANGES[row.kind](row, moment) for row in clocks]
            end = min((found for found in ends if found is not None), default=_NEVER)
            spans.append((start, end))
            if end > until:
                break
            start = self.next_clear(end)
        return spans

    @cached_property
    def quiet_until(self) -> datetime | None:
        """Return the first change after the call that is neither the clock's nor a person's."""
        changes = list_fact_changes(self.case)
        place = bisect_right(changes, self.case.call.at)
        return changes[place] if place < len(changes) else None

    def lasting(self, at: GroupAt) -> int:
        """Return the bits of the rows that, where they refuse, do so until the law changes."""
        changes = list_fact_changes(self.case)
        bits = at.bits("consent_required", *CONSENT_KINDS)
        for i, row in enumerate(at.tests):
            unchanging = (
                at.fixed >> i & 1 and find_next_answer_change(row, at.moment, changes) is None
            )
            if unchanging or (row.kind == "silence" and "days" not in row.parameters):
                bits |= 1 << i
        return bits

    def law_changes(self) -> list[datetime]:
        """Return the instants after the call at which the law of its people may be another."""
        return [found for found in self.case.law_changes if found > self.case.call.at]


def _build_group_at(moment: CallMoment) -> GroupAt:
    kinds = CHECKS.keys() | PERSONAL
    tests = sorted(
        (row for row in moment.rows if row.kind in kinds),
        key=lambda row: (PHASES[row.kind], row.gate),
    )
    fixed = sum(
        1 << i
        for i, row in enumerate(tests)
        if row.kind not in PERSONAL and CHECKS[row.kind](row, moment)
    )
    return GroupAt(moment, tuple(tests), fixed)
