"""What is written is read back as the same operator, and twice as the same bytes."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.network import Operator, find_faults, read_operator, write_operator
from releve.network.sample import sample_operator
from tests.network.clean_tables import as_csv, clean_tables

TEXT = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), blacklist_characters="|#\ufffd"),
    min_size=1,
    max_size=12,
).filter(lambda text: not any("\u00c2" <= c <= "\u00c5" or c == "\u00e2" for c in text))
NUMBER = st.floats(0.001, 900, allow_nan=False)


@cache
def clean() -> Operator:
    return read_operator(as_csv(clean_tables()))


def any_shift_operator() -> Operator:
    """Return the clean operator without curfews and with fewer meetings: any shift agrees."""
    teams = tuple(dataclasses.replace(team, meets_per_fortnight=1) for team in clean().teams)
    return dataclasses.replace(clean(), teams=teams, curfews=())


def test_the_clean_operator_survives_being_written() -> None:
    assert read_operator(write_operator(clean())) == clean()


def test_a_sample_operator_survives_being_written() -> None:
    operator = sample_operator(80, 3, 7)
    files = write_operator(operator)
    assert read_operator(files) == operator
    assert write_operator(read_operator(files)) == files


def test_tables_without_a_row_are_left_out_and_times_carry_offsets() -> None:
    files = write_operator(dataclasses.replace(clean(), measures=(), history=()))
    assert "measures.csv" not in files
    assert "history.csv" not in files
    assert b"a008,2026-11-30T09:00+01:00,2026-11-30T17:00+01:00,30\n" in files["shifts.csv"]
    assert b"1.6,2.4\n" in files["seats.csv"]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_values_survive_being_written(data: st.DataObject) -> None:
    """Names, numbers, optional cells and instants to the microsecond are the same again."""
    operator = dataclasses.replace(any_shift_operator(), history=())
    site = dataclasses.replace(
        operator.sites[0],
        name=data.draw(TEXT),
        city=f'{data.draw(TEXT)}, "{data.draw(TEXT)}"\n{data.draw(TEXT)}',
        lat=33 + data.draw(st.floats(0, 1)),
    )
    programme = dataclasses.replace(
        operator.programmes[0],
        aht_s=data.draw(NUMBER),
        patience_s=data.draw(st.none() | NUMBER),
        penalty_per_missed_call=data.draw(NUMBER),
        languages=data.draw(st.sampled_from([("fr",), ("fr", "ar"), ("en", "fr", "mg")])),
    )
    start = datetime(2026, 3, 1, tzinfo=UTC) + data.draw(st.timedeltas(timedelta(0), timedelta(days=365)))
    shift = dataclasses.replace(operator.shifts[0], start=start, end=start + timedelta(hours=8))
    measure = dataclasses.replace(
        operator.measures[0],
        valid_from=data.draw(st.dates(date(1970, 1, 1), date(2000, 1, 1))),
        value=data.draw(NUMBER),
    )
    changed = dataclasses.replace(
        operator,
        sites=(site, *operator.sites[1:]),
        programmes=(programme, *operator.programmes[1:]),
        shifts=(shift, *(row for row in operator.shifts[1:] if row.agent != shift.agent)),
        measures=(measure,),
    )
    read, faults = find_faults(write_operator(changed))
    assert faults == ()
    assert read == changed
