"""What differs between the people of a list, judged in columns: consents, contracts, history.

Each kernel states, for all people at once, what the plain check of its kind states of one. The two
are held to each other by a test on random people.

A literal stands on the right of a comparison: on the left, polars 2.1 returns one row for a column
of equal values of a frame of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import TypeVar

import polars as pl

from releve.plugins.outbound.engine.checks import find_uncounted_purposes
from releve.plugins.outbound.engine.exceptions import CONSENT_KINDS
from releve.plugins.outbound.engine.facts import SAID
from releve.plugins.outbound.engine.hours import find_local_midnight
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRow, LegalRules, find_legal_midnight
from releve.plugins.outbound.engine.screening_group import (
    GroupAt,
    at_instant,
    mark_counted_refusals,
    select_last_versions,
)
from releve.plugins.outbound.engine.vocabulary import get_vocabulary

_NO = pl.lit(False)
_FEW = 2000
"""Rows below which tables are worked on step by step: planning a query would take longer."""
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
_FOUND = ("cap", "pause", "silence", "list_opposition")
"""Kinds whose answer about each person a column tells, named ``f`` and the row's place."""


class ScreenedPeople:
    """The facts about some people for one client and one object, ready to be judged."""

    def __init__(self, call: Call, frames: Mapping[str, pl.DataFrame], rules: LegalRules) -> None:
        self._call = call
        self._frames = {name: frames[name] for name in ("withdrawals", "refusals", "listings")}
        for name in ("consents", "contracts"):
            self._frames[name] = select_last_versions(frames[name], "person", "id")
        attempts = select_last_versions(frames["attempts"], "person", "provider", "id")
        consents = self._frames["consents"]
        self._frames["attempts"] = attempts.filter(pl.col("id") != call.id if call.id else True)
        strange = pl.col("collected_at").is_null() | pl.col("slot_from").is_not_null()
        early = frames["consents"].filter(pl.col("collected_at") > pl.col("known_at"))
        recent = pl.col("requested_at") > call.at - timedelta(days=_list_request_days(rules))
        by_number = [
            frames[name].filter(pl.col("person").str.starts_with("+")).select(number="person") for name in SAID
        ]
        self._odd_numbers = pl.concat(by_number).unique()
        ended = frames["refusals"].filter(_end_by_consent(rules))
        odd = (consents.filter(strange), early, frames["callbacks"].filter(recent), ended)
        self._odd = pl.concat([frame.select("person") for frame in odd]).unique()

    def of(self, members: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """Return the facts about the members alone, in the order in which they were known."""
        wanted = members.select("number", person="whose")
        found = {}
        for name, frame in {**self._frames, "odd": self._odd}.items():
            key = "number" if name == "listings" else "person"
            found[name] = frame.join(wanted, on=key, how="semi") if frame.height else frame
        return found

    def judge(self, members: pl.DataFrame, facts: Mapping[str, pl.DataFrame], at: GroupAt) -> pl.DataFrame:
        """Return the members with ``mask`` (bits that refuse), ``basis``, ``odd`` and ``ahead``.

        ``ahead``: a fact of theirs is still to come, so that time may change more than the clock.
        """
        odd = pl.col("whose").is_in(facts["odd"]["person"].implode())
        odd |= pl.col("number").is_in(self._odd_numbers["number"].implode())
        people = members.with_columns(odd=odd)
        if members.height + sum(frame.height for frame in facts.values()) < _FEW:
            return _judge_people(people, facts, at)
        scans = {name: frame.lazy() for name, frame in facts.items()}
        return _judge_people(people.lazy(), scans, at).collect()


def _judge_people(people: Frame, facts: Mapping[str, Frame], at: GroupAt) -> Frame:
    absent = dict[str, pl.DataType]()
    for frame, key in (
        (_judge_consents(facts, at), "person"),
        (_judge_contracts(facts["contracts"], at), "person"),
        (_judge_attempts(facts["attempts"], at), "person"),
        (_judge_refusals(facts["refusals"], at), "person"),
        (_judge_withdrawals(facts["withdrawals"], at), "person"),
        (_judge_listings(facts["listings"], at), "number"),
    ):
        if _is_empty(frame):
            absent |= {name: kind for name, kind in frame.collect_schema().items() if name != key}
            continue
        left = "whose" if key == "person" else key
        people = people.join(frame, left_on=left, right_on=key, how="left")
    if absent:
        people = people.with_columns(pl.lit(None, kind).alias(n) for n, kind in absent.items())
    return _add_masks(people, at)


def _is_empty(*frames: pl.DataFrame | pl.LazyFrame) -> bool:
    """Return whether a table at hand has no row."""
    return any(isinstance(frame, pl.DataFrame) and not frame.height for frame in frames)


def _end_by_consent(rules: LegalRules) -> pl.Expr:
    """Return whether a later consent ends the silence after a refusal."""
    rows = (row for row in rules.rows if row.parameters.get("until_consent"))
    return reduce(or_, map(mark_counted_refusals, rows), _NO)


def _list_request_days(rules: LegalRules) -> int:
    """Return after how many days no request to be called has an effect any more.

    Of seven days in a row six are working days; holidays take a few more.
    """
    days = [0]
    for row in rules.rows:
        days.append(int(row.parameters.get("days", 0)) if row.kind == "exception_request" else 0)
        days.append(2 * int(row.parameters.get("working_days", -5)) + 10)
    return max(days) + 2


def _number_rows(at: GroupAt, *kinds: str) -> list[tuple[int, LegalRow]]:
    return [(i, row) for i, row in enumerate(at.tests) if row.kind in kinds]


def _mark_offered(at: GroupAt) -> pl.Expr:
    """Return whether objects cover the one that the call offers."""
    offered = [pl.col("objects").list.contains(one) for one in sorted(at.moment.covering)]
    return reduce(or_, offered, _NO)


def _judge_consents(facts: Mapping[str, Frame], at: GroupAt) -> Frame:
    """Return, a person a row: whether a consent is given, legal, clean; each reason; which one."""
    now = at_instant(at.moment.at)
    rows = _number_rows(at, *CONSENT_KINDS)
    consents = _mark_withdrawn(facts["consents"], facts["withdrawals"], at.moment.at)
    consents = consents.with_columns(
        given=pl.col("collected_at") <= now,
        about=_mark_offered(at),
        day=pl.col("collected_at").dt.convert_time_zone(LEGAL_ZONE).dt.date(),
    )
    consents = _mark_refused(consents, facts, rows, at.moment.at)
    consents = consents.with_columns([_find_reason(row, at, i).alias(f"c{i}") for i, row in rows])
    text = [pl.col(f"c{i}") for i, row in rows if row.gate == "H"]
    ours = [pl.col(f"c{i}") for i, row in rows if row.gate != "H"]
    legal = pl.col("given") & ~reduce(or_, text, _NO)
    consents = consents.with_columns(legal=legal)
    consents = consents.with_columns(clean=pl.col("legal") & ~reduce(or_, ours, _NO))
    in_time = pl.col("until").is_null() | (pl.col("until") >= at.moment.day)
    express = pl.col("given") & pl.col("about") & in_time & (pl.col("proof") != "")
    express &= ~pl.col("withdrawn")
    found = [
        pl.col("given").any(),
        pl.col("legal").any(),
        pl.col("clean").any(),
        pl.col("id").filter(express).first().alias("express_id"),
        (pl.col("collected_at") > now).any().alias("consent_ahead"),
        pl.col("id").filter("clean").first().alias("clean_id"),
        pl.col("id").filter("legal").first().alias("legal_id"),
    ]
    lasts = [_find_last_day(row) for _, row in rows if row.kind == "consent_period"]
    last = pl.min_horizontal(*lasts, pl.lit(date.max))
    found.append(last.filter("clean").max().alias("consent_last"))
    found += [(pl.col("given") & pl.col(f"c{i}")).any().alias(f"g{i}") for i, _ in rows]
    found += [(pl.col("legal") & pl.col(f"c{i}")).any().alias(f"l{i}") for i, _ in rows]
    return consents.group_by("person").agg(found)


def _find_reason(row: LegalRow, at: GroupAt, place: int) -> pl.Expr:
    """Return what one row of the family has against each consent."""
    if row.kind == "consent_proof":
        return pl.col("proof") == ""
    if row.kind == "consent_items":
        lacks = [~pl.col("items").list.contains(item) for item in sorted(row.parameters["items"])]
        positive = sorted(set(get_vocabulary("act").ids) - row.parameters["not_positive"])
        return reduce(or_, lacks) | ~pl.col("act").is_in(positive)
    if row.kind == "consent_period":
        return _find_last_day(row) < pl.lit(at.moment.day)
    if row.kind == "consent_object":
        return ~pl.col("about")
    if row.kind == "consent_withdrawal":
        return pl.col("withdrawn")
    return pl.col(f"refused{place}")


def _find_last_day(row: LegalRow) -> pl.Expr:
    """Return the last legal day of each consent."""
    if "days" in row.parameters:
        too_late = pl.col("day") + timedelta(days=row.parameters["days"])
    else:  # from 29 February it leads to the 28th
        too_late = pl.col("day").dt.offset_by(f"{row.parameters['years']}y")
    longest = too_late - timedelta(days=1)
    return pl.min_horizontal(longest, pl.col("until"))


def _mark_withdrawn(consents: Frame, withdrawals: Frame, instant: datetime) -> Frame:
    if _is_empty(consents, withdrawals):
        return consents.with_columns(withdrawn=_NO)
    events = withdrawals.select("person", event="at", names="consent").filter(pl.col("event") <= at_instant(instant))
    ids = consents.select("person", names="id", there=pl.lit(True)).unique()
    events = events.join(ids, on=["person", "names"], how="left")
    pairs = consents.select("person", "id", "collected_at").join(events, on="person")
    named = pl.col("names") == pl.col("id")
    earlier = pl.col("there").is_null() & (pl.col("collected_at") <= pl.col("event"))
    taken = pairs.filter(named | earlier).select("person", "id").unique()
    taken = taken.with_columns(withdrawn=pl.lit(True))
    joined = consents.join(taken, on=["person", "id"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("withdrawn").fill_null(False))


def _mark_refused(
    consents: Frame, facts: Mapping[str, Frame], rows: list[tuple[int, LegalRow]], instant: datetime
) -> Frame:
    for i, row in rows:
        if row.kind != "consent_refusal":
            continue
        if _is_empty(consents, facts["refusals"]):
            consents = consents.with_columns(_NO.alias(f"refused{i}"))
            continue
        counted = ~pl.col("kind").is_in(sorted(row.parameters["not_counted"]))
        on_consent = (pl.col("basis") == "") | pl.col("basis").str.starts_with("consent")
        in_time = pl.col("at") <= at_instant(instant)
        if row.first is not None:
            in_time &= pl.col("at") >= at_instant(find_legal_midnight(row.first))
        events = facts["refusals"].filter(counted & on_consent & in_time)
        pairs = (
            facts["consents"]
            .select("person", "id", "collected_at")
            .join(events.select("person", event="at"), on="person")
        )
        hit = pairs.filter(pl.col("collected_at") <= pl.col("event")).select("person", "id")
        hit = hit.unique().with_columns(pl.lit(True).alias(f"refused{i}"))
        consents = consents.join(hit, on=["person", "id"], how="left", maintain_order="left")
        consents = consents.with_columns(pl.col(f"refused{i}").fill_null(False))
    return consents


def _judge_contracts(contracts: Frame, at: GroupAt) -> Frame:
    """Return, a person a row: the first contract that each exception in force grants."""
    day = pl.lit(at.moment.day)
    found = [(pl.col("first") > day).any().alias("contract_ahead")]
    for row in at.moment.in_force.of_kind("exception_contract"):
        holds = pl.col("first") <= day
        if row.parameters["related"]:
            holds &= _mark_offered(at)
        if row.parameters["running"]:
            last = pl.col("last") + timedelta(days=row.parameters["ended_within_days"])
            holds &= last.is_null() | (last >= day)
        found.append(pl.col("id").filter(holds).first().alias(f"by {row.id}"))
    within = [row.parameters["ended_within_days"] for row in at.moment.in_force.of_kind("exception_contract")]
    end = pl.col("last") + timedelta(days=max(within, default=0))
    found.append(pl.col("last").filter(end >= day).min().alias("contract_last"))
    return contracts.group_by("person").agg(found)


def _judge_attempts(attempts: Frame, at: GroupAt) -> Frame:
    """Return, a person a row: whether each cap is filled and each pause runs."""
    instant, now = at.moment.at, at_instant(at.moment.at)
    past, found = pl.col("at") <= now, [(pl.col("at") > now).any().alias("attempt_ahead")]
    for i, row in _number_rows(at, "cap"):
        if "hours" in row.parameters:
            hours = timedelta(hours=row.parameters["hours"])
            since = [pl.col("at") > at_instant(instant - hours)]
        else:
            days = timedelta(days=row.parameters["days"] - 1)
            firsts = [find_local_midnight(day - days, name) for name, day in at.moment.days()]
            since = [pl.col("at") >= at_instant(first) for first in firsts]
        counted = past & ~pl.col("purpose").is_in(sorted(find_uncounted_purposes(row)))
        full = [(counted & recent).sum() >= row.parameters["most"] for recent in since]
        found.append(reduce(or_, full).alias(f"f{i}"))
    for i, row in _number_rows(at, "pause"):
        recent = pl.col("at") > at_instant(instant - timedelta(hours=row.parameters["hours"]))
        met = pl.col("outcome").is_in(sorted(row.parameters["outcomes"]))
        found.append((past & recent & met).any().alias(f"f{i}"))
    return _find_any(attempts, "person", found)


def _judge_refusals(refusals: Frame, at: GroupAt) -> Frame:
    """Return, a person a row: whether each silence runs."""
    now = at_instant(at.moment.at)
    found = [(pl.col("at") > now).any().alias("refusal_ahead")]
    for i, row in _number_rows(at, "silence"):
        counted = mark_counted_refusals(row) & (pl.col("at") <= now)
        if "days" in row.parameters:
            span = timedelta(days=row.parameters["days"])
            running = [
                pl.col("at").dt.convert_time_zone(name).dt.date() + span >= pl.lit(day)
                for name, day in at.moment.days()
            ]
            counted &= reduce(or_, running)
        found.append(counted.any().alias(f"f{i}"))
    return _find_any(refusals, "person", found)


def _judge_withdrawals(withdrawals: Frame, at: GroupAt) -> Frame:
    """Return, a person a row: whether a withdrawal is still to come."""
    ahead = (pl.col("at") > at_instant(at.moment.at)).any().alias("withdrawal_ahead")
    return _find_any(withdrawals, "person", [ahead])


def _judge_listings(listings: Frame, at: GroupAt) -> Frame:
    """Return, a number a row: whether it stands on the list of each row."""
    now = at_instant(at.moment.at)
    found = [((pl.col("at") > now) | (pl.col("until") > now)).any().alias("listing_ahead")]
    standing = (pl.col("at") <= now) & (pl.col("until").is_null() | (pl.col("until") > now))
    for i, row in _number_rows(at, "list_opposition"):
        on_it = standing & (pl.col("list") == row.parameters["list"])
        found.append(on_it.any().alias(f"f{i}"))
    return _find_any(listings, "number", found)


def _find_any(facts: Frame, key: str, found: list[pl.Expr]) -> Frame:
    """Return, a key a row, what is found of its facts: true or false."""
    if isinstance(facts, pl.DataFrame) and not facts.height:
        answers = dict.fromkeys((one.meta.output_name() for one in found), pl.Boolean)
        return pl.DataFrame(schema={key: pl.String, **answers})
    return facts.group_by(key).agg(found)


def _is_true(name: str) -> pl.Expr:
    return pl.col(name).fill_null(_NO)


def _add_masks(people: Frame, at: GroupAt) -> Frame:
    """Return the people with the bits of every row that refuses them, and their ground."""
    grants = {row: _list_grants(row, at) for row in at.tests}
    anchors = [row for row in at.tests if row.kind == "consent_required"]
    lifted = reduce(or_, (grants[row].is_not_null() for row in anchors), _NO)
    people = people.with_columns(needed=pl.lit(bool(anchors)) & ~lifted)
    against = {row: _list_failing(row, i, at) for i, row in enumerate(at.tests)}
    bits = []
    for i, row in enumerate(at.tests):
        fails = against[row]
        if row.kind not in CONSENT_KINDS and row.kind != "consent_required":
            fails &= grants[row].is_null()
        bits.append(fails.cast(pl.UInt64) * (1 << i))
    subjects = ("consent", "contract", "attempt", "refusal", "withdrawal", "listing")
    ahead = [f"{name}_ahead" for name in subjects]
    return people.with_columns(
        mask=pl.sum_horizontal(bits),
        basis=_build_basis(at, anchors, grants, against),
        ahead=reduce(or_, map(_is_true, ahead)),
    )


def _list_failing(row: LegalRow, place: int, at: GroupAt) -> pl.Expr:
    """Return whom a row refuses, before any exception lifts it."""
    if row.kind == "consent_required":
        return pl.col("needed") & ~_is_true("given")
    if row.kind in CONSENT_KINDS:
        if row.gate == "H":
            return pl.col("needed") & ~_is_true("legal") & _is_true(f"g{place}")
        return pl.col("needed") & ~_is_true("clean") & _is_true(f"l{place}")
    if row.kind in _FOUND:
        return _is_true(f"f{place}")
    return pl.lit(bool(at.fixed >> place & 1))


def _list_grants(row: LegalRow, at: GroupAt) -> pl.Expr:
    """Return the ground on which the first exception that fits lifts a row, null where none."""
    case, found = at.moment.case, [pl.lit(None, pl.String)]
    for name in row.exceptions:
        for exception in at.moment.in_force.by_id.get(name, ()):
            if exception.kind == "exception_contract":
                found.append("contract:" + pl.col(f"by {name}"))
            elif exception.kind == "exception_consent":
                found.append("consent:" + pl.col("express_id"))
            elif case.offers(exception.parameters.get("objects", ())):
                found.append(pl.lit(f"object:{case.call.object}"))
    return pl.coalesce(found)


def _build_basis(
    at: GroupAt, anchors: list[LegalRow], grants: Mapping[LegalRow, pl.Expr], against: Mapping[LegalRow, pl.Expr]
) -> pl.Expr:
    """Return the ground of each call: a consent, what dispenses with one, or none needed."""
    if not at.moment.regulated:
        return pl.lit("not-regulated")
    lifts = [grants[row] for row in anchors]
    lifts += [
        pl.when(against[row]).then(grants[row])
        for row in at.moment.rows
        if row in against and row.kind not in ("hours", "consent_required", *CONSENT_KINDS)
    ]
    free = pl.coalesce([*lifts, pl.lit("none-needed")])
    consent = pl.coalesce("clean_id", "legal_id")
    given = pl.when(consent.is_not_null()).then("consent:" + consent).otherwise(pl.lit(""))
    return pl.when("needed").then(given).otherwise(free)
