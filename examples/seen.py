"""The agents a call log shows at work, and how far a textbook queue believes in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from examples.banks import Bank, data_folder
from releve.demand import INTERVAL, ImportReport, metrics

__all__ = ["seen_lines"]

_HALF_HOUR_S = int(INTERVAL.total_seconds())


def seen_lines(bank: Bank, past: ImportReport) -> Iterator[str]:
    """Yield what the log of 1999 shows of the fitted days of the planned weekday.

    Who began a call in a half hour counts as there for all of it: an upper bound of the agents.
    The queue is Erlang A with them, all queues as one. Nothing for a log without agents.
    """
    log = pl.read_parquet(data_folder() / bank.log)
    if "agent" not in log.columns:
        return
    days = log.filter(pl.col("date") < bank.held_out, pl.col("date").dt.weekday() == bank.day.isoweekday())
    answered = days.filter(pl.col("outcome") == "AGENT", pl.col("agent") != "NONE")
    at_work = answered.group_by("date", slot=pl.col("ser_start_s") // _HALF_HOUR_S).agg(
        agents=pl.col("agent").n_unique(), busy_s=pl.col("ser_time").sum()
    )
    number = days["date"].n_unique()
    seen, busy = (float(at_work[name].sum()) / number for name in ("agents", "busy_s"))
    yield (
        f"on {number} days like it in the log: at most {seen / 2:.0f} agent hours seen,"
        f" {busy / 3600:.0f} of them on calls"
    )
    calls, hung_up = _offered(days)
    both = calls.join(at_work, on=["date", "slot"]).sort("date", "slot")
    patience = np.average(
        [past.patience_s[h.programme] for h in past.histories], weights=[np.nansum(h.offered) for h in past.histories]
    )
    volume, agents = (both[name].to_numpy().astype(np.float64) for name in ("calls", "agents"))
    aht_s = np.average(answered["ser_time"].to_numpy())
    found = metrics(volume, _HALF_HOUR_S, aht_s, float(patience), agents, 20.0)
    yield (
        f"of their callers {hung_up:.1%} hung up; Erlang A with all the agents seen says"
        f" {np.average(found.p_abandon, weights=volume):.1%}"
    )


def _offered(days: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """Return the offered calls by day and half hour, and the share of them that hung up."""
    offered = days.filter(pl.col("outcome") != "PHANTOM", ~((pl.col("outcome") == "HANG") & (pl.col("q_time") == 0)))
    entry = pl.col("vru_entry")
    minutes = entry.dt.hour().cast(pl.Int32) * 60 + entry.dt.minute().cast(pl.Int32)
    calls = offered.group_by("date", slot=minutes // 30).agg(calls=pl.len())
    return calls, offered.filter(pl.col("outcome") != "AGENT").height / offered.height
