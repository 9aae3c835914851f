"""``python -m examples.backtest``: the held-out months, our forecast beside seasonal naive.

Each queue is forecast once, whole, from the first day of the held-out month on, knowing only the
days before. ``python -m bench.forecast`` adds statsforecast and a forecast week by week.
"""

from __future__ import annotations

from collections.abc import Sequence

import click
import numpy as np

from examples.banks import BANKS, Bank, read_bank
from releve.demand import Score, backtest

__all__ = ["main", "scores_of"]

OWN, NAIVE = "profile", "seasonal_naive"


@click.command()
def main() -> None:
    """Print the back-test of both banks."""
    for bank in BANKS:
        days = (bank.end - bank.held_out).days
        click.echo(f"{bank.id}: fitted before {bank.held_out}, judged on the {days} days from it")
        click.echo(
            f"{'programme':<10} {'calls':>8} {'WAPE':>6} {'median':>7} {'naive':>6} {'loss':>6}"
            f" {'naive':>6} {'WAPE by day':>12} {'naive':>6} {'bias':>7}"
            f" {'80 % interval holds':>20}"
        )
        scores = scores_of(bank)
        for name, (own, naive) in scores.items():
            _line(name, own, naive)
        if len(scores) > 1:
            pairs = list(scores.values())
            _line("all", _mean([own for own, _ in pairs]), _mean([naive for _, naive in pairs]))
        click.echo("")


def scores_of(bank: Bank) -> dict[str, tuple[Score, Score]]:
    """Return by queue the scores of our forecast and of seasonal naive on the held-out month."""
    whole, _ = read_bank(bank)
    histories = {history.programme: history for history in whole.histories}
    days = (bank.end - bank.held_out).days
    out = {}
    for row in bank.programmes:
        found = {s.model: s for s in backtest(histories[row.id], row, [bank.held_out], days)}
        out[row.id] = (found[OWN], found[NAIVE])
    return out


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


def _line(name: str, own: Score, naive: Score) -> None:
    click.echo(
        f"{name:<10} {own.calls:8.0f} {own.wape:6.3f} {own.median_wape:7.3f} {naive.wape:6.3f}"
        f" {own.loss:6.3f} {naive.loss:6.3f} {own.day_wape:12.3f} {naive.day_wape:6.3f}"
        f" {own.bias:+7.3f} {own.coverage_80:20.3f}"
    )


if __name__ == "__main__":
    main()
