"""``python -m bench.standings``: the charter of 200 sites, day by day over a year.

Processor time of the table of standings, beside the same definition in plain Python, cell by cell:
the oracle of the tests, measured on some sites and scaled to all. It fails where they differ.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, timedelta

from releve.situation import compute_standings, fold_events
from releve.situation.shipped import load_shipped_rules
from tests.situation.plain_standings import build_year, judge_plainly, list_seen

FIRST = date(2026, 1, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--plain-sites", type=int, default=2)
    options = parser.parse_args()
    rules = load_shipped_rules()
    charter = rules.charter(FIRST)
    if charter is None:
        raise SystemExit(f"no charter is in force on {FIRST}")
    house, events = build_year(charter, options.sites, options.days)
    situation = fold_events(events)
    times = []
    for _ in range(5):
        began = time.process_time()
        grid = compute_standings(situation, house, rules, FIRST, options.days)
        times.append(time.process_time() - began)
    named = grid.sites[: options.plain_sites]
    began, wrong = time.process_time(), 0
    for measure in charter.measures:
        seen = list_seen((event for event in events if event.site in (*named, "")), measure.id)  # type: ignore[attr-defined]
        for site in named:
            for day in (FIRST + timedelta(days=n) for n in range(options.days)):
                plain = judge_plainly(measure, seen, site, day, FIRST)
                wrong += grid.get(site, measure.id, day) != plain
    plain_time = (time.process_time() - began) * options.sites / len(named)
    print(f"{len(events)} events, {grid.values.size} standings of {grid.values.shape}")
    print(f"table    {min(times):8.2f} s of processor time, the best of {len(times)}")
    print(f"plain    {plain_time:8.1f} s, scaled from {len(named)} sites")
    print(f"ratio    {plain_time / min(times):8.0f}")
    print(f"standings that differ: {wrong} of {len(named) * grid.values[0].size}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
