"""A bank's month, predicted from the one before: a log made by the simulator itself, for the
machinery, and the real one, for the figures."""

from __future__ import annotations

import heapq
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from bench.validate.__main__ import validate as command
from bench.validate.bank_centre import build_day_centre, fit_callers
from bench.validate.bank_log import COLUMNS, FIRST, HALF_HOURS, BankLogError, select_days
from bench.validate.bank_prediction import Prediction, predict
from releve.demand.queue import CentreSpec, trace_day

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
