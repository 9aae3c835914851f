"""A list of millions screened at once: the same verdicts as one by one, and when each is next.

Every row of a list is the same call to another person. Rows fall into *groups* whose callees share
country, clock and kind; what a group has in common is asked of the plain engine once. What differs
between its people (consents, contracts, refusals, attempts, listings) is judged for all of them in
columns. People whose facts are out of the ordinary (a slot, a request, two versions of a consent)
and the rules that no column kernel knows go to the plain engine, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from releve.network.moments import UTC
from releve.plugins.outbound.engine.checks import CLOCK_CHANGES
from releve.plugins.outbound.engine.fact_tables import build_facts, mark_unknown_words
from releve.plugins.outbound.engine.facts import SAID
from releve.plugins.outbound.engine.judged_call import CALLEES, Call, find_territory
from releve.plugins.outbound.engine.legal_rows import LegalRules, to_legal_day
from releve.plugins.outbound.engine.numbers import parse_number_column
from releve.plugins.outbound.engine.screening_group import (
    ABOUT_PEOPLE,
    FactRegister,
    GroupAt,
    ScreeningGroup,
    split_released,
)
from releve.plugins.outbound.engine.screening_people import ScreenedPeople
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.engine.vocabulary import normalize_word

COLUMNS = ("international", "person_found", "legal", "allowed", "rules", "basis", "next_allowed")
"""What screening adds to a list: ``rules`` are the ids that refuse, joined by ``|``."""
_UNIT = pl.Datetime("us", "UTC")
_EMPTY = pl.DataFrame(
    schema={
        "row": pl.UInt32,
        "international": pl.String,
        "person_found": pl.String,
        "legal": pl.Boolean,
        "allowed": pl.Boolean,
        "rules": pl.String,
        "basis": pl.String,
        "next_allowed": _UNIT,
    }
)

_ASKED = ("row", "number", "written", "whose", "person", "address", "callee")
"""What the plain engine is asked by."""

_SIDE_BY_SIDE = 4
"""The most groups that are judged at once: one alone leaves cores idle."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The facts about the people of one part of the list: as tables, and ready to be judged."""

    frames: Mapping[str, pl.DataFrame]
    people: ScreenedPeople


class Screener:
    """One call to many people, with the facts as known at an instant; screens chunk by chunk.

    Tables may be lazy: each chunk takes its people's facts out of them. Without ``following`` the
    column ``next_allowed`` is left empty.
    """

    def __init__(
        self,
        call: Call,
        frames: Mapping[str, pl.DataFrame | pl.LazyFrame],
        rules: LegalRules,
        known_at: datetime,
        *,
        following: bool = True,
    ) -> None:
        call, known_at = call.moved_to(call.at.astimezone(UTC)), known_at.astimezone(UTC)
        self._call, self._rules, self._known_at = call, rules, known_at
        self._register = FactRegister(call, frames, rules, known_at)
        self._following = following
        self._groups: dict[tuple[str, ...], ScreeningGroup] = {}

    def screen(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows (``number``, perhaps ``person``, ``address``, ``callee``) with verdicts."""
        day = to_legal_day(self._call.at)
        work = parse_number_column(rows["number"], self._rules.numbers, day).with_row_index("row")
        held = self._register.holders(work["number"])
        work = self._prepare_rows(rows, work, held)
        frames = self._register.about(work["whose"], work["number"]) | {"people": held}
        chunk = _Chunk(frames, ScreenedPeople(self._call, frames, self._rules))
        keys = ("fault", "territories", "place", "callee", "who")
        work = work.with_columns(strange=_mark_unknown_words(work, frames))
        done, left = [_EMPTY], [work.filter("strange").select(_ASKED)]
        work = work.filter(~pl.col("strange"))
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, pl.thread_pool_size())) as side_by_side:
            judged = side_by_side.map(lambda group: self._screen_group(group[0], group[1], chunk), work.group_by(*keys))
            for settled, rest in judged:
                done.append(settled)
                left.append(rest.select(_ASKED))
        done.append(self._judge_one_by_one(pl.concat(left), chunk))
        results = pl.concat(done).sort("row").select(COLUMNS)
        return pl.concat([rows, results], how="horizontal")

    def _prepare_rows(self, rows: pl.DataFrame, work: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with who and where each callee is, as far as facts tell.

        ``who`` is empty when the person is known, else why not.
        """
        given = [
            rows[name].fill_null("").alias(name)
            if name in rows.columns
            else pl.Series(name, [getattr(self._call, name)] * rows.height, pl.String)
            for name in ("person", "address", "callee")
        ]
        given[2] = given[2].replace({text: normalize_word("person-kind", text) for text in given[2].unique().to_list()})
        work = work.with_columns(given, written=rows["number"].fill_null(""))
        work = work.join(_group_by_number(held), on="number", how="left", maintain_order="left")
        named = held.select("number", "person", own_address="address", own_kind="kind")
        work = work.join(named, on=["number", "person"], how="left", maintain_order="left")
        unnamed, count = pl.col("person") == "", pl.col("holders").fill_null(0)
        several = pl.when(count > 1).then(pl.lit("several")).otherwise(pl.lit("unknown"))
        work = work.with_columns(
            whose=pl.when(~unnamed).then("person").when(count == 1).then("holder").otherwise(pl.lit("")),
            address=_prefer("address", pl.when(unnamed).then("held_address").otherwise("own_address")),
            known_kind=pl.when(unnamed).then("held_kind").otherwise("own_kind"),
            who=pl.when(~unnamed | (count == 1)).then(pl.lit("")).otherwise(several),
        )
        odd_kind = (pl.col("callee") == "") & ~pl.col("known_kind").is_in(CALLEES)
        work = work.with_columns(odd_kind=odd_kind.fill_null(False))
        callee = pl.when("odd_kind").then("callee").otherwise(_prefer("callee", pl.col("known_kind")))
        return work.with_columns(callee, place=self._find_place_codes(work["address"]))

    def _find_place_codes(self, addresses: pl.Series) -> pl.Series:
        """Return the territory of each address: ``?`` when it names none, empty when it is."""
        written = addresses.unique().to_list()
        found = [find_territory(address, self._rules) for address in written]
        places = [
            place.code if place else ("?" if address else "") for address, place in zip(written, found, strict=True)
        ]
        return addresses.replace_strict(written, places, return_dtype=pl.String)

    def _screen_group(
        self, key: tuple[object, ...], members: pl.DataFrame, chunk: _Chunk
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the verdicts on people who share country, clock and kind, and the people who are
        left to the plain engine."""
        group = self._group(tuple(map(str, key)), members)
        if group.alike:
            return _repeat_verdict(group, members), members.clear()
        if not group.in_columns:
            return _EMPTY, members
        facts = chunk.people.of(members)
        now = group.at(self._call.at)
        judged = chunk.people.judge(members, facts, now)
        if not self._following:
            plain = judged.filter(~pl.col("odd")).with_columns(next_allowed=pl.lit(None, _UNIT))
            return _build_results(plain, now), judged.filter("odd")
        judged = judged.with_columns(never=_mark_never_allowed(judged, group, now, facts, chunk.people))
        judged, rest = _add_next_allowed(judged, now, self._call.at)
        judged, later = self._split_at_next_opening(judged, facts, group, chunk)
        rest = pl.concat([rest, later], how="diagonal")
        freed, rest = split_released(rest, facts, group, now)
        return pl.concat([_build_results(judged, now), _build_results(freed, now)]), rest

    def _group(self, key: tuple[str, ...], members: pl.DataFrame) -> ScreeningGroup:
        if key not in self._groups:
            first, (*_, callee, who) = members.row(0, named=True), key
            call = replace(
                self._call, number=first["written"], person=first["whose"], address=first["address"], callee=callee
            )
            facts = self._register.of_client
            if who == "several":
                facts = self._register.with_people(_build_two_people(first["number"], self._known_at))
            self._groups[key] = ScreeningGroup(call, facts, self._rules, self._known_at)
        return self._groups[key]

    def _split_at_next_opening(
        self, judged: pl.DataFrame, facts: Mapping[str, pl.DataFrame], group: ScreeningGroup, chunk: _Chunk
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split people whom only the clock refuses: those that its next opening frees, the rest."""
        waiting = judged.filter("waiting")
        if not waiting.height:
            return judged, waiting
        opening = group.next_clear(self._call.at)
        if opening is None or not group.in_columns_at(opening):
            return judged.filter(~pl.col("waiting")), waiting
        members = waiting.select("row", "number", "whose", "written", "address", "callee")
        then = chunk.people.judge(members, facts, group.at(opening)).select("row", later="mask")
        waiting = waiting.join(then, on="row").with_columns(next_allowed=pl.lit(opening, dtype=_UNIT))
        free = waiting.filter(pl.col("later") == 0).drop("later")
        rest = waiting.filter(pl.col("later") != 0).drop("later")
        return pl.concat([judged.filter(~pl.col("waiting")), free], how="vertical_relaxed"), rest

    def _judge_one_by_one(self, members: pl.DataFrame, chunk: _Chunk) -> pl.DataFrame:
        """Return the verdicts of the plain engine."""
        if not members.height:
            return _EMPTY
        people, numbers = members["whose"].unique().implode(), members["number"].unique().implode()
        frames = dict(chunk.frames)
        for name in ABOUT_PEOPLE:
            sayer = pl.col("person").is_in(people)
            if name in SAID:
                sayer |= pl.col("person").is_in(numbers)
            frames[name] = frames[name].filter(sayer)
        for name in ("people", "listings"):
            frames[name] = frames[name].filter(pl.col("number").is_in(numbers))
        facts, results = build_facts(frames), []
        for row in members.iter_rows(named=True):
            call = replace(
                self._call, number=row["written"], person=row["person"], address=row["address"], callee=row["callee"]
            )
            found = judge_call(call, facts, self._rules, self._known_at)
            results.append((row["row"], *_build_cells(found)))
        return pl.DataFrame(results, schema=_EMPTY.schema, orient="row")


def _prefer(name: str, otherwise: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name)).otherwise(otherwise.fill_null(""))


def _group_by_number(held: pl.DataFrame) -> pl.DataFrame:
    """Return, by number, the count of holders, the first of them, their address and their kind."""
    return held.group_by("number", maintain_order=True).agg(
        holders=pl.len(),
        holder=pl.col("person").first(),
        held_address=pl.col("address").filter(pl.col("address") != "").first(),
        held_kind=pl.when(~pl.col("kind").is_in(CALLEES).all())
        .then(pl.lit("strange"))
        .when((pl.col("kind") == "business").all())
        .then(pl.lit("business"))
        .otherwise(pl.lit("consumer")),
    )


def _mark_unknown_words(work: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    """Return about whom a table holds a word that no vocabulary has: the plain engine tells it."""
    people, numbers = list[pl.Series](), frames["listings"]
    for table, column in (("refusals", "kind"), ("refusals", "basis"), ("attempts", "outcome")):
        frame = frames[table]
        people.append(frame["person"].filter(mark_unknown_words(table, column, frame[column])))
    listed = numbers["number"].filter(mark_unknown_words("listings", "list", numbers["list"]))
    return work.select(
        pl.col("odd_kind")
        | pl.col("whose").is_in(pl.concat(people).implode())
        | pl.col("number").is_in(listed.implode())
    ).to_series()


def _build_two_people(number: str, known_at: datetime) -> pl.DataFrame:
    """Return two people who hold a number, of whom nothing else is known."""
    people = {"person": ["one", "another"], "number": [number] * 2, "known_at": [known_at] * 2}
    blank = {"kind": pl.lit("consumer"), "address": pl.lit("")}
    return pl.DataFrame(people).with_columns(**blank, known_at=pl.col("known_at").cast(_UNIT))


def _build_cells(found: CallVerdict) -> tuple[object, ...]:
    ids = "|".join(found.rules)
    ground = (found.legal, found.allowed, ids, found.basis)
    return (found.number, found.person, *ground, found.next_allowed)


def _repeat_verdict(group: ScreeningGroup, members: pl.DataFrame) -> pl.DataFrame:
    """Return the one verdict of a group for each of its members."""
    found = group.verdict
    return members.select(
        "row",
        international=pl.when(pl.col("number") == "").then("written").otherwise("number"),
        person_found="whose",
        legal=pl.lit(found.legal),
        allowed=pl.lit(found.allowed),
        rules=pl.lit("|".join(found.rules)),
        basis=pl.lit(found.basis),
        next_allowed=pl.lit(found.next_allowed, dtype=_UNIT),
    )


def _mark_never_allowed(
    judged: pl.DataFrame, group: ScreeningGroup, now: GroupAt, facts: Mapping[str, pl.DataFrame], people: ScreenedPeople
) -> pl.Series:
    """Return whom a row refuses that time alone never lifts, under the law of now and any to come.

    Of people of whom a fact is still to come it is not known.
    """
    mask, plain = pl.col("mask"), ~pl.col("odd") & ~pl.col("ahead")
    never = judged.select(plain & ((mask & group.lasting(now)) != 0)).to_series()
    for change in group.law_changes():
        if not never.any():
            break
        if not group.in_columns_at(change):
            return never & False
        then = group.at(change)
        members = judged.select("row", "number", "whose", "written", "address", "callee")
        later = people.judge(members, facts, then).select("row", later="mask")
        masks = judged.select("row").join(later, on="row", how="left", maintain_order="left")
        never &= masks.select((pl.col("later") & group.lasting(then)) != 0).to_series()
    return never


def _add_next_allowed(judged: pl.DataFrame, now: GroupAt, at: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split people into those whose next instant is settled or ``waiting`` and the rest.

    Settled: allowed now, or ``never``. Waiting: refused by the clock alone. The rest (odd facts, a
    cap or a silence that runs, a change of the law ahead) is for the plain engine.
    """
    clock = now.bits(*CLOCK_CHANGES)
    mask, plain, never = pl.col("mask"), ~pl.col("odd"), pl.col("never")
    allowed = plain & (mask == 0)
    waiting = plain & (mask != 0) & ((mask | clock) == clock) & ~never
    judged = judged.with_columns(waiting=waiting, next_allowed=pl.when(allowed).then(pl.lit(at, dtype=_UNIT)))
    settled = allowed | never | waiting
    return judged.filter(settled), judged.filter(~settled)


def _build_results(judged: pl.DataFrame, now: GroupAt) -> pl.DataFrame:
    """Return the verdicts of people judged in columns."""
    if not judged.height:
        return _EMPTY
    masks = judged["mask"].unique().to_list()
    said = pl.DataFrame(
        {
            "mask": masks,
            "lawful": [not mask & now.legal_bits() for mask in masks],
            "rules": [now.ids(mask) for mask in masks],
        },
        schema={"mask": pl.UInt64, "lawful": pl.Boolean, "rules": pl.String},
    )
    return judged.join(said, on="mask", how="left").select(
        "row",
        international="number",
        person_found="whose",
        legal="lawful",
        allowed=pl.col("mask") == 0,
        rules="rules",
        basis="basis",
        next_allowed="next_allowed",
    )
