"""From the operator's call history to the agents that a day requires."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from releve.demand import (
    Forecast,
    Requirement,
    build_forecast,
    build_histories,
    compute_requirement,
    rate_at,
    read_forecast,
)
from releve.network import Operator
from releve.plan.planner import PlanError
from releve.plan.result import Plan

__all__ = ["forecast_day", "require_day", "require_planned"]


def forecast_day(
    operator: Operator,
    day: date,
    quantile: float | None = None,
    table: pl.DataFrame | None = None,
) -> tuple[Forecast, Requirement]:
    """Forecast a day from the operator's history; return it with the agents that it requires.

    ``quantile`` staffs for this quantile of the call rate, not for its mean: the noise of single
    calls is already in the queue model. ``table`` is a forecast made elsewhere, which takes the
    place of the history (:func:`releve.demand.read_forecast`). Raises ValueError for a quantile
    that the forecast cannot give, or a table that cannot be read.
    """
    zone_name = operator.row.time_zone
    if table is None:
        expected = build_forecast(build_histories(operator), operator.programmes, [day], zone_name)
    else:
        expected = read_forecast(table, operator.programmes, [day], zone_name)
    if quantile is not None:
        expected = replace(expected, quantiles={quantile: rate_at(expected, quantile)})
    return expected, compute_requirement(
        expected, operator.programmes, day, zone_name, quantile=quantile
    )


def require_day(operator: Operator, day: date, quantile: float | None = None) -> Requirement:
    """Return the agents that a day requires: see :func:`forecast_day`."""
    return forecast_day(operator, day, quantile)[1]


def require_planned(operator: Operator, plan: Plan) -> Requirement:
    """Return the requirement that a plan was made for; PlanError where it is of other programmes.

    Agents and calls are the plan's own, handling times those of the forecast.
    """
    need = require_day(operator, plan.day)
    if need.programmes != tuple(name for name, _, _ in plan.programmes):
        raise PlanError("the programmes of the folder are not those of the plan: plan again")
    return replace(need, agents=plan.required, calls=plan.calls)
