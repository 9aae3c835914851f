"""A list of millions screened at once: the same verdicts as one by one, and when each is next.

Every row of a list is the same call to another person. Rows fall into *groups* whose callees share
country, clock and kind; what a group has in common is asked of the plain engine once. What differs
between its people (consents, contracts, refusals, attempts, listings) is judged for all of them in
columns. People whose facts are out of the ordinary (a slot, a request, two versions of a consent)
and the rules that no column kernel knows go to the plain engine, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import polars as pl

from releve.network.clock import UTC
from releve.outbound.calls import Call
from releve.outbound.case import territory_of
from releve.outbound.consents import CONSENT_KINDS
from releve.outbound.facts import Facts
from releve.outbound.number_frames import shown_column, understood
from releve.outbound.reading import facts_of
from releve.outbound.registry import CLOCK_CHANGES
from releve.outbound.rows import Rules, legal_day
from releve.outbound.screening_group import Group, GroupAt
from releve.outbound.screening_people import People
from releve.outbound.verdict import Verdict, verdict

__all__ = ["COLUMNS", "Screener"]

COLUMNS = ("international", "person_found", "legal", "allowed", "rules", "basis", "next_allowed")
"""What screening adds to a list: ``rules`` are the ids that refuse, joined by ``|``."""
_ABOUT_PEOPLE = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts")
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


class Screener:
    """One call to many people, with the facts as known at an instant; screens chunk by chunk."""

    def __init__(
        self, call: Call, frames: Mapping[str, pl.DataFrame], rules: Rules, known_at: datetime
    ) -> None:
        call, known_at = call.moved_to(call.at.astimezone(UTC)), known_at.astimezone(UTC)
        day = legal_day(call.at)
        self._call, self._rules, self._known_at, self._day = call, rules, known_at, day
        self._frames = {name: _known(frame, known_at) for name, frame in frames.items()}
        for name in ("people", "listings", "mandates"):
            frame = self._frames[name]
            numbers = shown_column(frame["number"], rules.numbers, day)
            self._frames[name] = frame.with_columns(numbers.alias("number"))
        for name in _ABOUT_PEOPLE:
            self._frames[name] = self._frames[name].filter(pl.col("client") == call.client)
        about = (*_ABOUT_PEOPLE, "people", "listings")
        common = {name: frame.clear() for name, frame in self._frames.items() if name in about}
        self._client_facts: Facts = facts_of({**self._frames, **common})
        self._holders = _holders(self._frames["people"])
        self._people = People(call, self._frames)
        self._groups: dict[tuple[str, ...], Group] = {}

    def screen(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows (``number``, perhaps ``person``, ``address``, ``callee``) with verdicts."""
        work = self._prepared(rows)
        keys = ("fault", "territories", "place", "callee", "unnamed")
        done = [self._screen_group(key, part) for key, part in work.group_by(*keys)]
        told = pl.concat([_EMPTY, *done]).sort("row").select(COLUMNS)
        return pl.concat([rows, told], how="horizontal")

    def _prepared(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows numbered, with who and where each callee is, as far as facts tell."""
        work = understood(rows["number"], self._rules.numbers, self._day).with_row_index("row")
        given = [
            rows[name].fill_null("").alias(name)
            if name in rows.columns
            else pl.Series(name, [getattr(self._call, name)] * rows.height, pl.String)
            for name in ("person", "address", "callee")
        ]
        work = work.with_columns(given, written=rows["number"].fill_null(""))
        work = work.join(self._holders, on="number", how="left", maintain_order="left")
        person, holder = pl.col("person"), pl.col("holder").fill_null("")
        alone = (pl.col("holders") == 1).fill_null(False)
        same = alone & ((person == "") | (person == holder))
        work = work.with_columns(
            whose=pl.when(person != "").then(person).when(alone).then(holder).otherwise(pl.lit("")),
            address=_first("address", pl.when(same).then("held_address")),
            callee=_first("callee", pl.when(same).then("held_kind")),
            unnamed=(pl.col("holders").fill_null(0) > 1) | ((person == "") & ~alone),
        )
        return work.with_columns(place=self._places(work["address"]))

    def _places(self, addresses: pl.Series) -> pl.Series:
        """Return the territory of each address: ``?`` when it names none, empty when it is."""
        written = addresses.unique().to_list()
        found = [territory_of(address, self._rules) for address in written]
        places = [
            place.code if place else ("?" if address else "")
            for address, place in zip(written, found, strict=True)
        ]
        return addresses.replace_strict(written, places, return_dtype=pl.String)

    def _screen_group(self, key: tuple[object, ...], members: pl.DataFrame) -> pl.DataFrame:
        """Return the verdicts on people who share country, clock and kind."""
        fault, _, _, callee, unnamed = key
        if unnamed and not fault:
            return self._one_by_one(members)
        group = self._group(tuple(map(str, key)), str(callee), members)
        if group.alike:
            return _alike(group, members)
        if not group.in_columns:
            return self._one_by_one(members)
        facts = self._people.of(members)
        now = group.at(self._call.at)
        judged = self._people.judge(members, facts, now)
        judged, rest = _with_next(judged, group, now, self._call.at)
        judged, later = self._at_next_opening(judged, facts, group)
        rest = pl.concat([rest, later], how="diagonal")
        return pl.concat([_told(judged, now), self._one_by_one(rest)])

    def _group(self, key: tuple[str, ...], callee: str, members: pl.DataFrame) -> Group:
        if key not in self._groups:
            first = members.row(0, named=True)
            call = replace(
                self._call,
                number=first["written"],
                person=first["whose"] or "-",
                address=first["address"],
                callee=callee,
            )
            self._groups[key] = Group(call, self._client_facts, self._rules, self._known_at)
        return self._groups[key]

    def _at_next_opening(
        self, judged: pl.DataFrame, facts: Mapping[str, pl.DataFrame], group: Group
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split people whom only the clock refuses: those that its next opening frees, the rest."""
        waiting = judged.filter("waiting")
        opening = group.next_clear() if waiting.height else None
        if opening is None:
            return judged.filter(~pl.col("waiting")), waiting
        members = waiting.select("row", "number", "whose", "written", "address", "callee")
        then = self._people.judge(members, facts, group.at(opening)).select("row", later="mask")
        waiting = waiting.join(then, on="row").with_columns(
            next_allowed=pl.lit(opening, dtype=_UNIT)
        )
        free = waiting.filter(pl.col("later") == 0).drop("later")
        rest = waiting.filter(pl.col("later") != 0).drop("later")
        return pl.concat([judged.filter(~pl.col("waiting")), free], how="vertical_relaxed"), rest

    def _one_by_one(self, members: pl.DataFrame) -> pl.DataFrame:
        """Return the verdicts of the plain engine."""
        if not members.height:
            return _EMPTY
        people, numbers = members["whose"].unique().implode(), members["number"].unique().implode()
        frames = dict(self._frames)
        for name in _ABOUT_PEOPLE:
            frames[name] = frames[name].filter(pl.col("person").is_in(people))
        for name in ("people", "listings"):
            frames[name] = frames[name].filter(pl.col("number").is_in(numbers))
        facts, told = facts_of(frames), []
        for row in members.iter_rows(named=True):
            call = replace(
                self._call,
                number=row["written"],
                person=row["person"],
                address=row["address"],
                callee=row["callee"],
            )
            found = verdict(call, facts, self._rules, self._known_at)
            told.append((row["row"], *_cells(found)))
        return pl.DataFrame(told, schema=_EMPTY.schema, orient="row")


def _first(name: str, otherwise: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name)).otherwise(otherwise.fill_null(""))


def _known(frame: pl.DataFrame, known_at: datetime) -> pl.DataFrame:
    """Return the facts known by an instant."""
    name = "read_at" if "read_at" in frame.columns else "known_at"
    return frame.filter(pl.col(name) <= known_at)


def _holders(people: pl.DataFrame) -> pl.DataFrame:
    """Return, a number a row, how many hold it, and the one who does with the last word on them."""
    last = people.sort("known_at", maintain_order=True).unique(
        ["number", "person"], keep="last", maintain_order=True
    )
    return last.group_by("number").agg(
        holders=pl.len(),
        holder=pl.col("person").first(),
        held_address=pl.col("address").first(),
        held_kind=pl.col("kind").first(),
    )


def _cells(found: Verdict) -> tuple[object, ...]:
    ids = "|".join(found.rules)
    ground = (found.legal, found.allowed, ids, found.basis)
    return (found.number, found.person, *ground, found.next_allowed)


def _alike(group: Group, members: pl.DataFrame) -> pl.DataFrame:
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


def _with_next(
    judged: pl.DataFrame, group: Group, now: GroupAt, at: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split people into those whose next instant is settled or ``waiting`` and the rest.

    Settled: allowed now, or refused by a row that time alone never lifts. Waiting: refused by the
    clock alone. The rest (odd facts, a cap or a silence that runs, a change of the law ahead) is
    for the plain engine.
    """
    clock = now.bits(*CLOCK_CHANGES)
    lasting = now.bits("consent_required", *CONSENT_KINDS) | group.unchanging(now)
    lasting |= sum(
        1 << i
        for i, row in enumerate(now.tests)
        if row.kind == "silence" and "days" not in row.parameters
    )
    steady = now.moment.in_force.until is None
    mask, plain = pl.col("mask"), ~pl.col("odd")
    allowed = plain & (mask == 0)
    never = plain & steady & ~pl.col("ahead") & ((mask & lasting) != 0)
    waiting = plain & (mask != 0) & ((mask | clock) == clock) & ~never
    judged = judged.with_columns(
        waiting=waiting,
        next_allowed=pl.when(allowed).then(pl.lit(at, dtype=_UNIT)),
    )
    settled = allowed | never | waiting
    return judged.filter(settled), judged.filter(~settled)


def _told(judged: pl.DataFrame, now: GroupAt) -> pl.DataFrame:
    """Return the verdicts of people judged in columns."""
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
