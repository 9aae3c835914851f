"""A small operator whose calls are long and whose day rises and falls: Erlang misses there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from releve.demand import Forecast, Requirement, compute_requirement
from releve.network import Operator
from releve.plan import PlanSettings, SolvedDay, solve_day
from releve.plan.week import VerificationProgress, VerifiedDay, verify_days
from tests.plan.tiny_operators import DAY, STARTS, agent, operator_of, programme, shift, site

OPEN = range(16, 32)  # 08:00 to 16:00
LOANS = programme("loans", "k", aht_s=900.0, patience_s=120.0, answer_rate=0.9, max_occupancy=1.0, shrinkage=0.1)
MAIL = programme("mail", "m", kind="back_office", shrinkage=0.1)


def operator(per_hour: int) -> Operator:
    """Return two sites whose people work an hour each, ``per_hour`` of them in every hour."""
    people = [
        agent(f"h{hour}-{i}", "ab"[i % 2], "loans", carrier="Red" if i % 5 == 0 else "")
        for hour in range(8, 16)
        for i in range(per_hour)
    ]
    shifts = [
        shift(row.id, f"{hour:02}:00", f"{hour + 1:02}:00")
        for row, hour in zip(people, np.repeat(range(8, 16), per_hour), strict=True)
    ]
    seats = dict.fromkeys("ab", (per_hour, 2.0))
    return operator_of([site("a"), site("b", "TN", 36.8, 10.2)], seats, [LOANS, MAIL], people, shifts)


def forecast_wave() -> Forecast:
    """Return a day between 4 and 16 Erlang, up and down twice, with average days only."""
    erlang = 10.0 + 6.0 * np.sin(np.arange(len(OPEN)) * math.pi / 4.0)
    mean = np.zeros((len(STARTS), 2))
    mean[OPEN, 0] = erlang * 1800.0 / LOANS.aht_s
    open_ = np.zeros(mean.shape, dtype=np.bool_)
    open_[OPEN] = True
    return Forecast(
        programmes=("loans", "mail"),
        starts=STARTS,
        open=open_,
        mean=mean,
        quantiles={},
        aht_s=np.full(mean.shape, 900.0),
        day_factor_cv=np.zeros(2),
        unknown={},
    )


def build_demand(of: Operator) -> tuple[Forecast, Requirement]:
    forecast = forecast_wave()
    return forecast, compute_requirement(forecast, of.programmes, DAY, "Europe/Paris")


def solve_unprotected(of: Operator, need: Requirement) -> SolvedDay:
    """Solve the day as if nothing could be lost; its reliefs are there all the same."""
    return solve_day(of, need, PlanSettings(), protect=False)


def scale_calls(forecast: Forecast, times: float) -> Forecast:
    """Return a forecast of more calls."""
    return replace(forecast, mean=forecast.mean * times)


def verify_wave(
    per_hour: int, rounds: int = 5, solved: SolvedDay | None = None, progress: VerificationProgress | None = None
) -> VerifiedDay:
    """Verify the day of so many people an hour; ``solved`` is what planning again always gives."""
    of = operator(per_hour)
    forecast, need = build_demand(of)

    def again(needs: Sequence[Requirement]) -> list[SolvedDay]:
        return [solved or solve_unprotected(of, one) for one in needs]

    (found,) = verify_days(
        of, [forecast], [solve_unprotected(of, need)], again, rounds=rounds, replications=100, progress=progress
    )
    return found
