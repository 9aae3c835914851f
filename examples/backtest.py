"""``python -m examples.backtest``: the held-out months, our forecast beside seasonal naive.

Each queue is forecast once, whole, from the first day of the held-out month on, knowing only the
days before. The last columns say what the 80 % interval held inside the fitted months, where a
forecast of 28 days was made at the start of each week that had two weeks before it: their mean,
and the worst and the best of those weeks. ``python -m bench.forecast`` adds statsforecast and a
forecast week by week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import click
import numpy as np

from examples.banks import BANKS, Bank, read_bank
from releve.demand import History, Score, backtest, clean_history
from releve.demand.forecast import MODELS, history_before
from releve.network import Programme

__all__ = ["Judged", "fitted_scores", "main", "scores_of"]

OWN, NAIVE = "profile", "seasonal_naive"
FIRST_DAYS, HORIZON_DAYS = 14, 28
HEAD = (
    f"{'programme':<10} {'calls':>7} {'WAPE':>6} {'median':>6} {'naive':>6} {'by day':>6}"
    f" {'naive':>6} {'loss':>6} {'naive':>6} {'bias':>7} {'80 % holds':>11} {'in the fit':>18}"
)


@dataclass(frozen=True)
class Judged:
    """A queue on the held-out month, ours and seasonal naive; ours at each week of the fit."""

    own: Score
    naive: Score
    fitted: tuple[Score, ...]


@click.command()
def main() -> None:
    """Print the back-test of both banks."""
    for bank in BANKS:
        days = (bank.end - bank.held_out).days
        click.echo(f"{bank.id}: fitted before {bank.held_out}, judged on the {days} days from it")
        click.echo(HEAD)
        found = scores_of(bank)
        for name, judged in found.items():
            _line(name, judged)
        if len(found) > 1:
            _line("all", _together(list(found.values())))
        click.echo("")


def scores_of(bank: Bank) -> dict[str, Judged]:
    """Return by queue what the back-test finds on the held-out month and inside the fit."""
    whole, _ = read_bank(bank)
    histories = {history.programme: history for history in whole.histories}
    days = (bank.end - bank.held_out).days
    out = {}
    for row in bank.programmes:
        history = histories[row.id]
        found = {s.model: s for s in backtest(history, row, [bank.held_out], days)}
        out[row.id] = Judged(found[OWN], found[NAIVE], fitted_scores(history, row, bank.held_out))
    return out


def fitted_scores(history: History, row: Programme, held_out: date) -> tuple[Score, ...]:
    """Return our scores at each week of the days before ``held_out``, and on these days only."""
    past = history_before(history, row, held_out)
    weeks: list[Score] = []
    origin = held_out - timedelta(days=7)
    while int(clean_history(history_before(past, row, origin), row).is_kind("normal").sum()) >= FIRST_DAYS:
        weeks += backtest(past, row, [origin], HORIZON_DAYS, {OWN: MODELS[OWN]})
        origin -= timedelta(days=7)
    return tuple(weeks)


def _together(judged: Sequence[Judged]) -> Judged:
    weeks = zip(*(queue.fitted for queue in judged), strict=False)
    return Judged(
        _mean([queue.own for queue in judged]),
        _mean([queue.naive for queue in judged]),
        tuple(_mean(week) for week in weeks),
    )


def _mean(scores: Sequence[Score]) -> Score:
    """Return the scores of several queues as one: errors by calls, coverage by half hours."""
    calls = [score.calls for score in scores]
    half_hours = [score.half_hours for score in scores]

    def mean(name: str, weights: Sequence[float]) -> float:
        return float(np.average([getattr(score, name) for score in scores], weights=weights))

    return Score(
        model=scores[0].model,
        origins=scores[0].origins,
        half_hours=sum(half_hours),
        calls=sum(calls),
        wape=mean("wape", calls),
        median_wape=mean("median_wape", calls),
        loss=mean("loss", calls),
        day_wape=mean("day_wape", calls),
        bias=mean("bias", calls),
        coverage_80=mean("coverage_80", half_hours),
        within_80=mean("within_80", half_hours),
    )


def _line(name: str, judged: Judged) -> None:
    own, naive = judged.own, judged.naive
    held = [score.coverage_80 for score in judged.fitted]
    mean = float(np.average(held, weights=[score.half_hours for score in judged.fitted]))
    click.echo(
        f"{name:<10} {own.calls:7.0f} {own.wape:6.3f} {own.median_wape:6.3f} {naive.wape:6.3f}"
        f" {own.day_wape:6.3f} {naive.day_wape:6.3f} {own.loss:6.3f} {naive.loss:6.3f}"
        f" {own.bias:+7.3f} {own.coverage_80:11.3f} {mean:6.3f} {min(held):5.3f} {max(held):5.3f}"
    )


if __name__ == "__main__":
    main()
