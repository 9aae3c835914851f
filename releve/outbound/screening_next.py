"""When people of a list may be called next, in columns: a cap that runs out, then an open hour.

Where no fact of a person is still to come, and until the law changes, what the history refuses is
refused without a break until its *release*: the instant at which the last of the caps, silences
and pauses ends. The call is then allowed at the first open instant from the release on, if what it
rests on (a consent, a contract) lasts until then. Everybody else is for the plain engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from releve.network.clock import zone
from releve.outbound.check_table import CLOCK_CHANGES
from releve.outbound.checks_history import find_uncounted_purposes
from releve.outbound.hours import find_local_midnight
from releve.outbound.legal_rows import LEGAL_ZONE, LegalRow
from releve.outbound.screening_facts import mark_counted_refusals
from releve.outbound.screening_group import GroupAt, ScreeningGroup

__all__ = ["split_released"]

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
    people: pl.DataFrame,
    facts: Mapping[str, pl.DataFrame],
    rows: Sequence[tuple[int, LegalRow]],
    now: GroupAt,
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
        return _find_latest(
            pl.concat(exits or [_find_midnights(counted.clear(), days, LEGAL_ZONE)])
        )
    if row.kind == "pause":
        met = past.filter(pl.col("outcome").is_in(sorted(row.parameters["outcomes"])))
        return _find_latest(_add_hours(met, row))
    past = past.filter(~pl.col("purpose").is_in(sorted(find_uncounted_purposes(row))))
    by_clock = [_add_hours(past, row)] if "hours" in row.parameters else [
        _find_midnights(past, row.parameters["days"], name) for name in zones
    ]  # fmt: skip
    return _find_latest(
        pl.concat([_find_below_cap(exits, row.parameters["most"], at) for exits in by_clock])
    )


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
