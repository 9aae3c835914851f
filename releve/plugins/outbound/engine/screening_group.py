"""What the callees of one group of a list have in common, asked of the plain engine once.

The facts that a list needs, taken out of registers that may be larger than memory.

A register is a table, perhaps one that is only scanned. For each part of a list its people are
looked up and nothing else is kept, so that memory grows with the list and not with the registers.

When people of a list may be called next, in columns: a cap that runs out, then an open hour.

Where no fact of a person is still to come, and until the law changes, what the history refuses is
refused without a break until its *release*: the instant at which the last of the caps, silences
and pauses ends. The call is then allowed at the first open instant from the release on, if what it
rests on (a consent, a contract) lasts until then. Everybody else is for the plain engine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

import polars as pl

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.checks import CHECKS, CLOCK_CHANGES, PHASES, find_uncounted_purposes
from releve.plugins.outbound.engine.exceptions import CONSENT_KINDS
from releve.plugins.outbound.engine.fact_tables import build_facts
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, SAID, Alias, Facts
from releve.plugins.outbound.engine.hours import find_local_midnight
from releve.plugins.outbound.engine.judged_call import Call, CallMoment, JudgedCall, build_judged_call
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRow, LegalRules, to_legal_day
from releve.plugins.outbound.engine.list_rows import tidy_table
from releve.plugins.outbound.engine.numbers import normalize_sayer, normalize_shown_numbers
from releve.plugins.outbound.engine.verdict import CallVerdict, find_next_answer_change, judge_call, list_fact_changes

PERSONAL = frozenset({"consent_required", "list_opposition", "cap", "silence", "pause"}).union(CONSENT_KINDS)
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
            unchanging = at.fixed >> i & 1 and find_next_answer_change(row, at.moment, changes) is None
            if unchanging or (row.kind == "silence" and "days" not in row.parameters):
                bits |= 1 << i
        return bits

    def law_changes(self) -> list[datetime]:
        """Return the instants after the call at which the law of its people may be another."""
        return [found for found in self.case.law_changes if found > self.case.call.at]


def _build_group_at(moment: CallMoment) -> GroupAt:
    kinds = CHECKS.keys() | PERSONAL
    tests = sorted((row for row in moment.rows if row.kind in kinds), key=lambda row: (PHASES[row.kind], row.gate))
    fixed = sum(1 << i for i, row in enumerate(tests) if row.kind not in PERSONAL and CHECKS[row.kind](row, moment))
    return GroupAt(moment, tuple(tests), fixed)


ABOUT_PEOPLE = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts")
_BY_NUMBER = ("people", "listings")
_UNREAD = ("wording", "collector", "channel")
"""Columns that no rule reads."""


class FactRegister:
    """All tables of facts for one call's client, as known at an instant."""

    def __init__(
        self, call: Call, frames: Mapping[str, pl.DataFrame | pl.LazyFrame], rules: LegalRules, known_at: datetime
    ) -> None:
        self._rules, self._day = rules, to_legal_day(call.at)
        mine_too = Facts(
            aliases=[Alias(*row) for row in _collect(frames["clients"].select("client", "alias")).iter_rows()]
        )
        self._tables: dict[str, pl.DataFrame | pl.LazyFrame] = {
            name: _select_known(frame, known_at) for name, frame in frames.items()
        }
        for name in ABOUT_PEOPLE:
            names = _collect(self._tables[name].select("client").unique())["client"].to_list()
            wanted = (call.client, EVERY_CLIENT) if name in SAID else (call.client,)
            own = [one for one in names if any(mine_too.is_same_client(one, w) for w in wanted)]
            mine = self._tables[name].filter(pl.col("client").is_in(own))
            self._tables[name] = mine.drop(_UNREAD, strict=False)
        for name in SAID:
            said = normalize_sayer(rules.numbers, self._day)
            self._tables[name] = self._tables[name].with_columns(said)
        for name in (*_BY_NUMBER, "mandates"):
            self._tables[name] = self._tables[name].with_columns(self._shown())
        self._bind_holders()
        about = (*ABOUT_PEOPLE, *_BY_NUMBER)
        self._common = {
            name: _collect(table.limit(0) if name in about else table) for name, table in self._tables.items()
        }
        self.of_client: Facts = build_facts(self._common)
        for name in about:
            table = self._tables[name]
            if isinstance(table, pl.DataFrame):
                self._tables[name] = tidy_table(name, table)

    def _bind_holders(self) -> None:
        """Add what was said by number as said by each person who holds the number."""
        by_number = {name: self._tables[name].filter(pl.col("person").str.starts_with("+")) for name in SAID}
        numbers = [_collect(said.select("person").unique())["person"] for said in by_number.values()]
        found = pl.concat(numbers)
        if not found.len():
            return
        people = self._tables["people"].filter(pl.col("number").is_in(found.implode()))
        holders = _collect(people.select("number", holder="person").unique())
        for name, said in by_number.items():
            self._tables[name] = _add_heard(self._tables[name], said, holders)

    def _shown(self) -> pl.Expr:
        table, day = self._rules.numbers, self._day
        return pl.col("number").map_batches(
            lambda numbers: normalize_shown_numbers(numbers, table, day).alias(numbers.name),
            return_dtype=pl.String,
            is_elementwise=True,
        )

    def with_people(self, people: pl.DataFrame) -> Facts:
        """Return the client's own facts, and who holds some numbers."""
        return build_facts({**self._common, "people": people})

    def holders(self, numbers: pl.Series) -> pl.DataFrame:
        """Return who holds some numbers: the last word on each, in the order they were known."""
        held = self._look_up("people", "number", numbers)
        return select_last_versions(held, "number", "person")

    def about(self, people: pl.Series, numbers: pl.Series) -> dict[str, pl.DataFrame]:
        """Return every table of the client, of these people and numbers alone."""
        sayers = pl.concat([people.rename("person"), numbers.rename("person")])
        found = dict(self._common)
        for name in ABOUT_PEOPLE:
            found[name] = self._look_up(name, "person", sayers if name in SAID else people)
        found["listings"] = self._look_up("listings", "number", numbers)
        return found

    def _look_up(self, name: str, key: str, wanted: pl.Series) -> pl.DataFrame:
        """Return the rows of a table with one of the wanted keys, in its order."""
        keys = wanted.rename(key).to_frame().unique()
        table = self._tables[name]
        if isinstance(table, pl.DataFrame):
            return table.join(keys, on=key, how="semi", maintain_order="left")
        scan = table.join(keys.lazy(), on=key, how="semi", maintain_order="left")
        return tidy_table(name, scan.collect(engine="streaming"))


Frame = pl.DataFrame | pl.LazyFrame


def _collect(frame: Frame) -> pl.DataFrame:
    return frame.collect(engine="streaming") if isinstance(frame, pl.LazyFrame) else frame


def _add_heard(table: Frame, said: Frame, holders: pl.DataFrame) -> Frame:
    """Return a table with what was said by number as said by its holders too, at its end."""
    if isinstance(said, pl.DataFrame) and not said.height:
        return table
    heard = said.lazy().join(holders.lazy(), left_on="person", right_on="number")
    heard = heard.with_columns(person="holder").drop("holder")
    if isinstance(table, pl.LazyFrame):
        return pl.concat([table, heard])
    return pl.concat([table, heard.collect()])


def _select_known(table: Frame, known_at: datetime) -> Frame:
    """Return the facts known by an instant."""
    names = table.collect_schema().names()
    when = next((name for name in ("known_at", "read_at") if name in names), None)
    return table if when is None else table.filter(pl.col(when) <= at_instant(known_at))


@lru_cache(maxsize=4096)
def at_instant(at: datetime) -> pl.Expr:
    """Return an instant as a literal; making one takes as long as comparing it with a column."""
    return pl.lit(at, dtype=pl.Datetime("us", "UTC"))


def mark_counted_refusals(row: LegalRow) -> pl.Expr:
    """Return whether a silence counts a refusal, as ``checks_history.counts_refusal`` does."""
    counted = ~pl.col("kind").is_in(sorted(row.parameters["not_counted"]))
    only = row.parameters.get("only")
    return counted if only is None else counted & pl.col("kind").is_in(sorted(only))


def select_last_versions(frame: pl.DataFrame, *key: str) -> pl.DataFrame:
    """Return the last version known of each fact, in the order in which they were first known."""
    frame = frame.sort("known_at", maintain_order=True)
    if any(frame[name].n_unique() == frame.height for name in key):
        return frame
    if not frame.select(pl.struct(key).is_duplicated().any()).item():
        return frame
    first = pl.int_range(pl.len()).min().over(key)
    last = frame.with_columns(_first=first).unique(key, keep="last", maintain_order=True)
    return last.sort("_first").drop("_first")


_UNIT = pl.Datetime("us", "UTC")
_HISTORY = ("cap", "silence", "pause")


def split_released(
    people: pl.DataFrame, facts: Mapping[str, pl.DataFrame], group: ScreeningGroup, now: GroupAt
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split judged people into those with ``next_allowed`` and those for the plain engine."""
    rows = [(i, row) for i, row in enumerate(now.tests) if _ends_with_time(row)]
    if not people.height or not _is_plain(now):
        return people.clear(), people
    passing = sum(1 << i for i, _ in rows) | now.bits(*CLOCK_CHANGES)
    fit = ~pl.col("odd") & ~pl.col("ahead") & ((pl.col("mask") & ~passing) == 0)
    mine, rest = people.filter(fit), people.filter(~fit)
    if not mine.height:
        return mine, rest
    mine = _add_release(mine, facts, rows, now)
    mine = _add_next_clear(mine, group)
    day = pl.col("next_allowed").dt.convert_time_zone(LEGAL_ZONE).dt.date()
    consented = ~pl.col("needed") | (day <= pl.col("consent_last")).fill_null(False)
    contracted = pl.col("contract_last").is_null() | (day <= pl.col("contract_last"))
    lasts = pl.col("next_allowed").is_not_null() & consented & contracted
    for limit in filter(None, (group.quiet_until, now.moment.law_until)):
        lasts &= pl.col("next_allowed") < pl.lit(limit, dtype=_UNIT)
    settled = mine.filter(lasts)
    return settled, pl.concat([rest, mine.filter(~lasts)], how="diagonal")


def _ends_with_time(row: LegalRow) -> bool:
    """Return whether time alone lifts what a row of the history refuses."""
    if row.kind == "cap":
        return bool(row.parameters["most"] > 0)
    return row.kind == "pause" or (row.kind == "silence" and "days" in row.parameters)


def _is_plain(now: GroupAt) -> bool:
    """Return whether no consent lifts a row of the clock or of the history."""
    kinds = {
        exception.kind
        for row in now.tests
        if row.kind in (*_HISTORY, *CLOCK_CHANGES)
        for name in row.exceptions
        for exception in now.moment.in_force.by_id.get(name, ())
    }
    return "exception_consent" not in kinds


def _add_release(
    people: pl.DataFrame, facts: Mapping[str, pl.DataFrame], rows: Sequence[tuple[int, LegalRow]], now: GroupAt
) -> pl.DataFrame:
    """Return the people with the instant at which the last row of their history lets go."""
    releases = [pl.lit(now.moment.at, dtype=_UNIT)]
    for i, row in rows:
        name, bit = f"release{i}", (pl.col("mask") & (1 << i)) != 0
        found = _list_releases(row, facts, now)
        people = people.join(found.rename({"release": name}), left_on="whose", right_on="person",
                             how="left", maintain_order="left")  # fmt: skip
        releases.append(pl.when(bit).then(pl.col(name)))
    return people.with_columns(release=pl.max_horizontal(releases))


def _list_releases(row: LegalRow, facts: Mapping[str, pl.DataFrame], now: GroupAt) -> pl.DataFrame:
    """Return, a person a row, when one row of the history lets go of them."""
    at = now.moment.at
    past = facts["refusals" if row.kind == "silence" else "attempts"].filter(pl.col("at") <= at)
    zones = list(now.moment.case.zones)
    if row.kind == "silence":
        counted = past.filter(mark_counted_refusals(row))
        days = row.parameters["days"] + 1
        exits = [_find_midnights(counted, days, name) for name in zones]
        return _find_latest(pl.concat(exits or [_find_midnights(counted.clear(), days, LEGAL_ZONE)]))
    if row.kind == "pause":
        met = past.filter(pl.col("outcome").is_in(sorted(row.parameters["outcomes"])))
        return _find_latest(_add_hours(met, row))
    past = past.filter(~pl.col("purpose").is_in(sorted(find_uncounted_purposes(row))))
    by_clock = [_add_hours(past, row)] if "hours" in row.parameters else [
        _find_midnights(past, row.parameters["days"], name) for name in zones
    ]  # fmt: skip
    return _find_latest(pl.concat([_find_below_cap(exits, row.parameters["most"], at) for exits in by_clock]))


def _find_below_cap(exits: pl.DataFrame, most: int, at: datetime) -> pl.DataFrame:
    """Return when so many attempts have left the window that fewer than the cap are in it."""
    inside = exits.filter(pl.col("exit") > at).sort("person", "exit")
    place = pl.int_range(pl.len()).over("person")
    wanted = pl.len().over("person") - most
    return inside.filter(place == wanted)


def _find_latest(exits: pl.DataFrame) -> pl.DataFrame:
    return exits.group_by("person").agg(release=pl.col("exit").max())


def _add_hours(events: pl.DataFrame, row: LegalRow) -> pl.DataFrame:
    later = pl.col("at") + timedelta(hours=row.parameters["hours"])
    return events.select("person", exit=later.cast(_UNIT))


def _find_midnights(events: pl.DataFrame, days: int, name: str) -> pl.DataFrame:
    """Return the first instant of the local day so many days after each event."""
    day = events["at"].dt.convert_time_zone(zone(name).key).dt.date()
    seen: list[date] = day.unique().to_list()
    first = [find_local_midnight(one + timedelta(days=days), name) for one in seen]
    table = pl.DataFrame({"day": seen, "exit": first}, schema={"day": pl.Date, "exit": _UNIT})
    dated = events.select("person", day=day)
    return dated.join(table, on="day", how="left").select("person", "exit")


def _add_next_clear(people: pl.DataFrame, group: ScreeningGroup) -> pl.DataFrame:
    """Return the people with the first open instant from their release on."""
    last = people["release"].max()
    spans = group.clear_spans(last) if isinstance(last, datetime) else []
    schema = {"start": _UNIT, "end": _UNIT}
    table = pl.DataFrame(spans, schema=schema, orient="row").sort("end")
    order = people.with_row_index("_order").sort("release")
    # The span whose end is the first after the release: it holds it, or is the next to open.
    found = order.join_asof(
        table.with_columns(before_end=pl.col("end") - timedelta(microseconds=1)),
        left_on="release", right_on="before_end", strategy="forward",
    )  # fmt: skip
    following = pl.max_horizontal("release", "start")
    result = found.with_columns(next_allowed=pl.when(pl.col("start").is_not_null()).then(following))
    return result.sort("_order").drop("_order", "start", "end", "before_end", strict=False)
