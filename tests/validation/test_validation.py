"""A bank's month, the rest of a day, the Seoul call centre: made up for the machinery, real for the figures."""

from __future__ import annotations

import heapq
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from bench.validate import rest_of_day
from bench.validate.__main__ import validate as command
from bench.validate.bank_centre import build_day_centre, fit_callers
from bench.validate.bank_log import COLUMNS, FIRST, HALF_HOURS, BankLogError, select_days
from bench.validate.bank_prediction import Prediction, predict
from bench.validate.seoul import Desk, compute_join_count_z, draw_seoul, seat_building, validate_outbreak
from releve.demand import ImportReport, RowCount
from releve.demand.intraday import IntradaySettings, forecast_morning, reforecast
from releve.demand.localtime import day_to_number
from releve.demand.queue import CentreSpec, trace_day
from releve.plugins.crashtest.engine.outbreak import OutbreakError
from tests.demand import series

ORDER = {"ended": 0, "hung_up": 0, "offered": 1, "waits": 2, "answered": 3}
CALLS, AHT_S, PATIENCE_S, AGENTS = 28.0, 190.0, 300.0, 4


def made_day(day: date, agents: int = AGENTS) -> list[dict[str, object]]:
    """Return the log of a simulated day; the agent free the longest answers."""
    edges = 1800.0 * np.arange(FIRST, FIRST + HALF_HOURS + 1)
    centre = CentreSpec(["bank"], edges, CALLS, AHT_S, agents, patience_s=PATIENCE_S).build()
    free = [(edges[0], f"A{i:02}") for i in range(agents)]
    busy: list[tuple[float, str]] = []
    come: dict[int, float] = {}
    rows: dict[int, dict[str, object]] = {}
    for at, what, _, _, number in sorted(
        trace_day(centre, 0, seed=day.toordinal()), key=lambda event: (event[0], ORDER[event[1]])
    ):
        if what == "offered":
            come[number] = at
        elif what == "hung_up":
            rows[number] = row(day, come[number], at, "HANG", "NONE", 0, 0)
        elif what == "answered":
            while busy and busy[0][0] <= at:
                heapq.heappush(free, heapq.heappop(busy))
            _, agent = heapq.heappop(free)
            rows[number] = row(day, come[number], at, "AGENT", agent, at, at)
            come[number] = at
        elif what == "ended":
            rows[number] |= {"ser_exit_s": round(at), "ser_time": round(at - come[number])}
            heapq.heappush(busy, (at, str(rows[number]["agent"])))
    return [one for one in rows.values() if one["outcome"] == "AGENT" or one["q_time"]]


def row(day: date, come: float, until: float, outcome: str, agent: str, start: float, stop: float) -> dict[str, object]:
    wait = round(until - come)
    return {
        "date": day,
        "type": "PS",
        "q_start_s": round(come) if wait else 0,
        "q_time": wait,
        "outcome": outcome,
        "ser_start_s": round(start),
        "ser_exit_s": round(stop),
        "ser_time": round(stop - start),
        "agent": agent,
    }


def made_log() -> pl.DataFrame:
    """Return two weeks of January (three days each) and four days of February 1999."""
    days = [date(1999, 1, n) for n in (3, 4, 5, 10, 11, 12)]
    days += [date(1999, 2, n) for n in (1, 2, 3, 4)]
    return pl.DataFrame([one for day in days for one in made_day(day)])


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    return made_log()


@pytest.fixture(scope="module")
def found(log: pl.DataFrame) -> Prediction:
    days = select_days(log)
    return predict(days[:6], days[6:], lines=(3,), spreads=(0.0, 0.2))


@pytest.mark.slow
def test_what_the_simulator_made_it_predicts(found: Prediction) -> None:
    """The days are alike and their agents are there: neither spread nor drift is needed."""
    low, high = found.month.whole_interval()
    assert np.all((low <= found.month.whole_seen) & (found.month.whole_seen <= high))
    assert np.all(found.month.inside().mean(axis=0) >= 0.8)
    assert found.staffing.effort.mean() == pytest.approx(1.0, abs=0.12)
    assert found.staffing.spread + found.drift <= 0.3
    assert found.staffing.reserve.mean() < 0.35


@pytest.mark.slow
def test_the_staffing_fitted_gives_back_what_its_days_saw(found: Prediction) -> None:
    off = found.staffing.month_found - found.staffing.month_seen
    assert np.all(np.abs(off[:2]) < 0.02)
    assert abs(off[2]) < 0.2 * found.staffing.month_seen[2]


def test_presence_is_that_of_the_agents_who_answered(log: pl.DataFrame) -> None:
    day = select_days(log)[0]
    assert day.there.max() == AGENTS
    assert day.there_s[0] == FIRST * 1800.0
    assert day.there[-1] == 0
    assert day.there_s[-1] >= 48 * 1800.0


def test_a_reserve_is_a_part_of_those_present_and_over_days_its_share(log: pl.DataFrame) -> None:
    days = select_days(log)
    share = np.full(HALF_HOURS, 0.3)
    callers = fit_callers(days)
    shares = []
    for at in range(40):
        day = replace(days[0], date=days[0].date + timedelta(days=at))
        agents = build_day_centre(day, callers, share, 3).agents
        assert np.all(agents.sum(axis=1) <= AGENTS)
        shares.append(agents[:, 1].sum() / agents.sum())
    assert np.mean(shares) == pytest.approx(0.3, abs=0.02)


def test_patience_is_longer_than_the_waits_of_those_who_hung_up(log: pl.DataFrame) -> None:
    days = select_days(log)
    waits = np.concatenate([day.wait_s[day.lost] for day in days])
    callers = fit_callers(days)
    assert callers.patience_s > 2 * waits.mean()
    assert callers.patience_s == pytest.approx(PATIENCE_S, rel=0.35)
    assert callers.aht_s["PS"] == pytest.approx(AHT_S, rel=0.05)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda log: log.drop("q_time"), "has no column q_time: give the log of calls with"),
        (lambda log: log.filter(pl.col("outcome") == "PHANTOM"), "reached the line: give another"),
        (lambda log: log.filter(pl.col("date") < date(1999, 1, 6)), "got 1 weeks and 0 days"),
    ],
    ids=["a column is missing", "nothing reached the line", "too short"],
)
def test_a_log_that_does_not_do_is_refused_with_the_fix(
    log: pl.DataFrame, tmp_path: Path, spoil: object, message: str
) -> None:
    assert callable(spoil)
    spoil(log).write_parquet(tmp_path / "calls_1999_jan_feb.parquet")
    result = CliRunner().invoke(command, ["bank", str(tmp_path)])
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_a_folder_without_the_log_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["bank", str(tmp_path)])
    assert result.exit_code == 1
    assert "cannot be read" in result.output


@pytest.mark.slow
def test_the_command_prints_a_row_for_every_half_hour_and_the_same_as_json(
    log: pl.DataFrame, found: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write_parquet(tmp_path / "calls_1999_jan_feb.parquet")
    months: list[int] = []

    def known(first: list[object], then: list[object], **_: object) -> Prediction:
        months.extend((len(first), len(then)))
        return found

    monkeypatch.setattr("bench.validate.__main__.predict", known)
    plain = CliRunner().invoke(command, ["bank", str(tmp_path)], catch_exceptions=False)
    assert months == [6, 4]
    assert all(f"{h // 2:02}:{h % 2 * 30:02}" in plain.stdout for h in range(FIRST, 48))
    inside = found.month.inside().sum(axis=0)
    assert f"abandoned: {inside[0]} of 34 half hours inside" in plain.stdout
    tree = CliRunner().invoke(command, ["bank", str(tmp_path), "--json"], catch_exceptions=False)
    assert json.loads(tree.stdout)["inside"] == inside.tolist()


def test_a_log_needs_only_the_columns_that_are_named(log: pl.DataFrame) -> None:
    assert len(select_days(log.select(COLUMNS))) == 10
    with pytest.raises(BankLogError):
        predict((), ())


@pytest.mark.realdata
@pytest.mark.slow
def test_february_lies_in_its_intervals_as_often_as_they_say(shared_data: Path) -> None:
    """The month on every measure, and of 34 half hours 90 % within what chance leaves."""
    days = select_days(pl.read_parquet(shared_data / "anonymousbank_1999" / "calls_1999_jan_feb.parquet"))
    january = [day for day in days if day.date.month == 1]
    february = [day for day in days if day.date.month == 2]
    found = predict(january, february, lines=(3,), spreads=(0.2,), drifts=(0.2,))
    low, high = found.month.whole_interval()
    assert np.all((low <= found.month.whole_seen) & (found.month.whole_seen <= high))
    assert np.all(found.month.inside().sum(axis=0) >= 28)
    assert np.all(np.abs(found.month.bias()) < [0.02, 0.03, 5.0])
    assert 0.85 < found.coverage[-1].mean() < 0.97


ROW = series.programme("p", opening="Mon-Fri 07:00-19:00")


def rest_of_day_made_log(cv: float) -> rest_of_day.RealLog:
    """Return five weeks of a programme whose days are high or low by a factor of ``cv``."""
    made = series.truth(ROW, 35)
    report = ImportReport((series.poisson(ROW, made, 11, cv=cv),), (), (), RowCount(0, 0, {}, {}))
    origin = series.FIRST + timedelta(days=28)
    return rest_of_day.RealLog("made", report, {"p": ROW}, origin, origin + timedelta(days=7))


def collect(log: rest_of_day.RealLog) -> list[rest_of_day.DayCase]:
    return list(rest_of_day.collect_cases(log, day_to_number(log.origin), day_to_number(log.end)))


def test_days_that_stray_as_a_whole_are_followed() -> None:
    log = rest_of_day_made_log(0.3)
    scores = rest_of_day.judge(log, collect(log), library=False)
    assert [(row.programme, row.hour) for row in scores] == [
        (name, hour) for name in ("p", "all") for hour in rest_of_day.HOURS
    ]
    for row in scores:
        assert row.every.totals[1] < 0.6 * row.every.totals[0]
        assert row.every.days == 5
        assert row.worst.days == 1
        assert np.isnan(row.every.totals[2])


def test_the_past_says_as_much_whatever_comes_after() -> None:
    """A day is said from the days before it: another future changes nothing."""
    log = rest_of_day_made_log(0.3)
    first = day_to_number(log.origin)
    (here,) = rest_of_day.collect_cases(log, first, first + 1)
    history = log.histories["p"]
    later = history.starts >= 86400 * (first + 1)
    other = replace(history, offered=np.where(later, 3 * history.offered, history.offered))
    changed = replace(log, report=replace(log.report, histories=(other,)))
    (same,) = rest_of_day.collect_cases(changed, first, first + 1)
    np.testing.assert_array_equal(same.said.mean, here.said.mean)
    np.testing.assert_array_equal(same.past_said, here.past_said)
    np.testing.assert_array_equal(same.past_came, here.past_came)


def test_the_settings_of_least_error_are_chosen_and_the_first_of_equals() -> None:
    log = rest_of_day_made_log(0.3)
    cases = [collect(log)]
    deaf = IntradaySettings(fading_share=0.0, prior_days=1e9)
    usual = IntradaySettings()
    twins = rest_of_day.choose_settings(cases, (usual, usual))
    assert twins[0] is usual
    chosen, errors = rest_of_day.choose_settings(cases, (deaf, usual))
    assert chosen == (deaf, usual)[int(np.argmin(errors))]
    assert max(errors) < 1.0


def test_a_folder_without_the_logs_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(command, ["intraday", str(tmp_path)])
    assert found.exit_code == 1
    assert "calls_1999_jan_feb.parquet cannot be read" in found.output


@pytest.mark.realdata
@pytest.mark.slow
def test_the_days_of_2003_that_stray_most_are_a_quarter_better_by_eleven(shared_data: Path) -> None:
    """Four days: at 15:00 they are no better than in the morning."""
    words = ["intraday", str(shared_data), "--log", "2003", "--no-library", "--json"]
    found = CliRunner().invoke(command, words)
    assert found.exit_code == 0, found.output
    scores = {row["hour"]: row for row in json.loads(found.stdout)["scores"]}
    assert sorted(scores) == list(rest_of_day.HOURS)
    for hour, row in scores.items():
        for error in ("half_hours", "totals"):
            morning, updated, _ = row["every"][error]
            assert updated < morning
            morning, updated, _ = row["worst"][error]
            assert hour != 11 or updated < 0.75 * morning, "a quarter less on the days that deviate"
        assert 0.72 < row["coverage"] < 0.94


@pytest.mark.realdata
@pytest.mark.slow
def test_the_days_of_1999_that_stray_most_are_a_quarter_better_by_eleven(shared_data: Path) -> None:
    """Its largest queue, in the rest of the day as a whole: half hours are counting noise."""
    log = rest_of_day.load_1999(shared_data)
    largest = replace(log, programmes={"regular": log.programmes["regular"]})
    for row in rest_of_day.validate_rest_of_day([largest], library=False).scores:
        assert row.every.totals[1] < row.every.totals[0]
        assert row.every.half_hours[1] < row.every.half_hours[0]
        assert row.worst.totals[1] < (0.75 if row.hour == 11 else 1.0) * row.worst.totals[0]
        assert 0.72 < row.coverage < 0.88


def made_floor() -> list[Desk]:
    """Return a floor of 137 and 63 desks in rows, cases spread over the first wing."""
    north = [Desk(at % 12, at // 12, "north_wing", at % 5 < 3) for at in range(137)]
    south = [Desk(at % 12, 30 + at // 12, "south_wing", at < 4) for at in range(63)]
    return north + south


def test_the_building_seats_everybody_by_floor_and_wing() -> None:
    population = seat_building(made_floor())
    sizes = {group.zone: group.end - group.first for group in population.groups}
    assert sum(size for zone, size in sizes.items() if zone.startswith("f11")) == 216
    assert sum(sizes.values()) - 216 == 595
    assert sizes["f11-north_wing"] == 148


def test_clustered_cases_have_a_high_join_count_and_spread_ones_none() -> None:
    xy = np.array([(x, y) for y in range(12) for x in range(12)], dtype=float)
    together = xy[:, 1] < 6
    spread = (xy[:, 0] + xy[:, 1]) % 2 == 0
    assert compute_join_count_z(xy, together) > 5
    assert -3 < compute_join_count_z(xy, spread) < 3
    assert compute_join_count_z(xy, np.zeros(len(xy), dtype=bool)) == 0


@pytest.mark.slow
def test_a_fit_is_reproducible_and_draws_a_picture() -> None:
    desks, onsets = made_floor(), [1, 0, 2, 3, 5, 8, 12, 14, 16, 12, 8, 4]
    one, two = (validate_outbreak(desks, onsets, draws=60, runs=16, seed=3) for _ in range(2))
    assert len(one.reproduction) > 3
    assert one.figures == two.figures
    assert {figure.name for figure in one.figures if figure.fitted} == {
        "cases of the 11th floor (of 216)",
        "south wing (of 62 desks)",
    }
    root = ET.fromstring(draw_seoul(desks, onsets, one))
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 200
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None


def test_a_fit_that_accepts_nothing_says_so() -> None:
    with pytest.raises(OutbreakError, match="no run was near"):
        validate_outbreak(made_floor(), [1], draws=1, runs=1, seed=1)


def test_the_command_names_a_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["seoul", str(tmp_path)])
    assert result.exit_code == 1
    assert "park2020_seoul_seats.csv" in result.output


@pytest.mark.realdata
@pytest.mark.slow
def test_the_call_centre_of_seoul_lies_within_what_the_model_predicts(shared_data: Path, tmp_path: Path) -> None:
    picture = tmp_path / "seoul.svg"
    arguments = ["seoul", str(shared_data / "outbreaks"), "--draws", "600", "--json", "--svg", str(picture)]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["accepted"] > 200
    missed = [one["name"] for one in document["figures"] if not one["covered"]]
    assert missed == []
    assert document["fitted"]["between"][1] < 0.2  # the median
    assert picture.read_text().count("<circle") == 200


@pytest.mark.realdata
def test_a_busy_day_assumed_closed_by_a_holiday_is_forecast_open_from_its_calls(shared_data: Path) -> None:
    """Good Friday 2003, closed by Canada's calendar: the bank, whose country is not stated, was open."""
    log, day = rest_of_day.load_2003(shared_data), date(2003, 4, 18)
    row = replace(log.programmes["bank"], holidays="CA")
    history = log.histories["bank"]
    morning = forecast_morning(log.histories, [row], day, row.time_zone)
    assert morning.forecast.mean.sum() == 0
    starts = np.array([round(start.timestamp()) for start in morning.forecast.starts])
    place = np.minimum(np.searchsorted(history.starts, starts), len(history.starts) - 1)
    came = np.where(history.starts[place] == starts, history.offered[place], np.nan)[:, None]
    now = morning.forecast.starts[22]
    found = reforecast(morning.forecast, [row], came, now, morning.laws, morning.if_open)
    assert np.nansum(came[:22]) == 9979
    assert np.nansum(came[22:]) == 21087
    assert found.reopened == {"bank"}
    assert found.forecast.mean[22:].sum() == pytest.approx(24811, abs=50), "17 % too many, and not 0"
