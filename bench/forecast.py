"""``python -m bench.forecast``: the forecast on two real call logs, beside its peers.

Columns: the error (WAPE) of the default model's mean and of its median, of last week's half hours
and of the library's mean; then the loss of each one's whole law. The model of each programme, and
the library's better model, are chosen by rolling back-test inside the fit period; the held-out
month is only judged: once forecast whole from its first day, once week by week as a planner does.
statsforecast is used where it is installed (dependency group ``bench``).
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from bench.validate.rest_of_day import RealLog, load_1999, load_2003, shared_folder
from releve.demand import Score, backtest, choose_model, clean_history, library_models
from releve.demand.forecast import MODELS, Model, fit_model, history_before
from releve.demand.localtime import day_to_number
from releve.network import Programme

_HEAD = (
    f"{'programme':<10} {'calls':>8} {'chosen':<20} {'own':>7} {'median':>7} {'naive':>7}"
    f" {'library':>8} {'loss':>7} {'naive':>7} {'library':>8} {'day own':>8} {'cover 80':>9}"
    f" {'within':>7}"
)


def main() -> int:
    """Print the comparison; exit status 0, also when the data are absent (and says so)."""
    folder = shared_folder()
    if folder is None:
        print("the real call logs are absent (RELEVE_SHARED, or ../shared): nothing is measured")
        return 0
    library = library_models()
    if not library:
        print("statsforecast is not installed (group `bench`): its columns stay empty\n")
    warnings.simplefilter("ignore")
    for log in (load_1999(folder), load_2003(folder)):
        _judge(log, library)
    return 0


def _judge(log: RealLog, library: Mapping[str, Model]) -> None:
    chosen = {name: _chosen(log, name, library) for name in log.programmes}
    days = (log.end - log.origin).days
    weeks = [log.origin + timedelta(days=7 * i) for i in range(days // 7)]
    print(f"{log.name}: fitted before {log.origin}, judged to {log.end - timedelta(days=1)}")
    _table("the whole month from its first day", log, chosen, [log.origin], days)
    _table("week by week", log, chosen, weeks, 7)
    _times(log, library)


def _chosen(log: RealLog, name: str, library: Mapping[str, Model]) -> tuple[str, str]:
    """Return the model chosen of all, and the better one of the library, in the fit period."""
    programme = log.programmes[name]
    past = history_before(log.histories[name], programme, log.origin)
    choice = choose_model(past, programme, models={**MODELS, **library})
    ranked = [score.model for score in choice.scores if score.model in library]
    return choice.model, ranked[0] if ranked else next(iter(library), "")


def _table(
    title: str, log: RealLog, chosen: Mapping[str, tuple[str, str]], origins: Sequence[date], horizon: int
) -> None:
    print(f"\n  {title}: WAPE per half hour\n  {_HEAD}")
    columns: dict[str, list[Score]] = {"own": [], "naive": [], "library": []}
    for name, programme in log.programmes.items():
        best, peer = chosen[name]
        models = dict(MODELS)
        if peer:
            models[peer] = library_models()[peer]
        scores = backtest(log.histories[name], programme, origins, horizon, models)
        found = {score.model: score for score in scores}
        row = {"own": found["profile"], "naive": found["seasonal_naive"]}
        if peer:
            row["library"] = found[peer]
        for key, score in row.items():
            columns[key].append(score)
        _line(name, best, row)
    _line("all", "", {key: _total(scores) for key, scores in columns.items() if scores})


def _line(name: str, chosen: str, row: Mapping[str, Score]) -> None:
    own = row["own"]
    naive, peer = row["naive"], row.get("library")
    wape, loss = (f"{x:8.4f}" for x in (peer.wape, peer.loss)) if peer else [f"{'-':>8}"] * 2
    print(
        f"  {name:<10} {own.calls:8.0f} {chosen:<20} {own.wape:7.4f} {own.median_wape:7.4f}"
        f" {naive.wape:7.4f} {wape} {own.loss:7.4f} {naive.loss:7.4f} {loss}"
        f" {own.day_wape:8.4f} {own.coverage_80:9.3f} {own.within_80:7.3f}"
    )


def _total(scores: Sequence[Score]) -> Score:
    calls = np.array([score.calls for score in scores])
    half_hours = np.array([score.half_hours for score in scores])

    def mean(field: str, weight: np.ndarray) -> float:
        return float(np.average([getattr(score, field) for score in scores], weights=weight))

    return Score(
        model="all",
        origins=scores[0].origins,
        half_hours=int(half_hours.sum()),
        calls=float(calls.sum()),
        wape=mean("wape", calls),
        median_wape=mean("median_wape", calls),
        loss=mean("loss", calls),
        day_wape=mean("day_wape", calls),
        bias=mean("bias", calls),
        coverage_80=mean("coverage_80", half_hours),
        within_80=mean("within_80", half_hours),
    )


def _times(log: RealLog, library: Mapping[str, Model]) -> None:
    name, programme = next(iter(log.programmes.items()))
    past = clean_history(history_before(log.histories[name], programme, log.origin), programme)
    days = np.arange(day_to_number(log.origin), day_to_number(log.end), dtype=np.int64)
    print(f"\n  time per series ({len(past.numbers)} days of {name}), median of 5")
    raw = history_before(log.histories[name], programme, log.origin)
    print(f"  {'cleaning':<24} {_ms(lambda: clean_history(raw, programme)):9.2f} ms")
    print(f"  {'profile, fit':<24} {_ms(lambda: fit_model(past, programme)):9.2f} ms")
    for label, model in {**MODELS, **library}.items():
        run = _bound(model, past, programme, days)
        print(f"  {label + ', fit and forecast':<40} {_ms(run):9.2f} ms")
    print()


def _bound(model: Model, past: object, programme: Programme, days: object) -> Callable[[], object]:
    return lambda: model(past, programme, days)  # type: ignore[arg-type]


def _ms(run: Callable[[], object]) -> float:
    run()
    spans = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        spans.append(1000 * (time.perf_counter() - start))
    return statistics.median(spans)


if __name__ == "__main__":
    sys.exit(main())
