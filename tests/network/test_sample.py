"""The sample operator: the same to the byte for a seed, and free of faults at every size."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta

import pytest

from releve.network import Operator, find_faults, sample_operator, write_operator, zone
from releve.network.sample.contracts import count_default_programmes

SHA = """
from hashlib import sha256
from releve.network import sample_operator, write_operator
files = write_operator(sample_operator(60, 2, 5, weeks_of_history=2))
print(sha256(b"".join(files[name] for name in sorted(files))).hexdigest())
"""


def small(seed: int = 1, **asked: object) -> Operator:
    return sample_operator(60, 2, seed, **{"weeks_of_history": 2, **asked})  # type: ignore[arg-type]


def test_a_seed_gives_the_same_bytes() -> None:
    assert write_operator(small(7)) == write_operator(small(7))


@pytest.mark.slow
def test_a_seed_gives_the_same_bytes_in_another_process() -> None:
    """Whatever order that process keeps its sets in."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", SHA], env={**os.environ, "PYTHONHASHSEED": number}, capture_output=True, check=True
        ).stdout
        for number in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_gives_another_operator() -> None:
    first, second = small(1), small(2)
    assert first.programmes != second.programmes
    assert first.agents != second.agents
    assert first.history != second.history


@pytest.mark.parametrize(
    ("agents", "sites", "programmes"),
    [(50, 1, None), (50, 2, 5), (120, 6, 12), (600, 6, None), (600, 1, 1), (2000, 24, None)],
)
def test_the_sample_passes_every_check(agents: int, sites: int, programmes: int | None) -> None:
    operator = sample_operator(agents, sites, 3, programmes=programmes, weeks_of_history=3)
    back, faults = find_faults(write_operator(operator))
    assert faults == ()
    assert back == operator
    assert (len(operator.agents), len(operator.sites)) == (agents, sites)
    assert len(operator.programmes) == (programmes or count_default_programmes(agents))
    assert operator.row.synthetic


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_no_seed_gives_a_faulty_operator(seed: int) -> None:
    start = (date(2026, 11, 30), date(2026, 10, 22), date(2027, 3, 24))[seed % 3]
    for agents, sites in ((50, 1), (100, 4), (600, 6), (1500, 3), (5000, 15)):
        operator = sample_operator(agents, sites, seed, start=start, weeks_of_history=2)
        assert find_faults(write_operator(operator))[1] == ()


@pytest.mark.slow
def test_the_whole_sector_is_made_without_fault() -> None:
    operator = sample_operator(70_000, 200, 1, weeks_of_history=1)
    assert (len(operator.agents), len(operator.sites)) == (70_000, 200)
    assert 550 <= len(operator.programmes) <= 650
    assert {agent.home_site for agent in operator.agents} == {site.id for site in operator.sites}
    assert find_faults(write_operator(operator))[1] == ()


def test_the_number_of_programmes_follows_the_size() -> None:
    assert [count_default_programmes(n) for n in (50, 500, 600, 5_000, 70_000)] == [2, 8, 8, 60, 600]


@pytest.mark.parametrize(
    ("agents", "sites", "seed", "asked", "condition"),
    [
        (49, 1, 1, {}, "50 <= agents <= 70000 does not hold, got 49"),
        (70_001, 1, 1, {}, "50 <= agents <= 70000 does not hold"),
        (600, 0, 1, {}, "1 <= sites <= 200 does not hold, got 0"),
        (5000, 201, 1, {}, "1 <= sites <= 200 does not hold, got 201"),
        (60, 4, 1, {}, r"agents >= 20 \* sites does not hold, got 60 agents, 4 sites"),
        (600, 6, -1, {}, "seed >= 0 does not hold, got -1"),
        (600, 6, 1, {"programmes": 61}, "1 <= programmes <= agents // 10 does not hold, got 61"),
        (600, 6, 1, {"weeks_of_history": -1}, "0 <= weeks_of_history <= 520 does not hold"),
    ],
)
def test_bad_arguments_are_refused_with_the_condition(
    agents: int, sites: int, seed: int, asked: dict[str, int], condition: str
) -> None:
    with pytest.raises(ValueError, match=condition):
        sample_operator(agents, sites, seed, **asked)  # type: ignore[arg-type]


def test_more_history_changes_nothing_else() -> None:
    """Every subject has its own stream of random numbers."""
    short, long = small(weeks_of_history=1), small(weeks_of_history=5)
    assert short.agents == long.agents
    assert short.shifts == long.shifts
    assert short.seats == long.seats
    assert len(short.history) < len(long.history)


def test_without_weeks_there_is_no_history() -> None:
    assert small(weeks_of_history=0).history == ()


def test_roster_and_history_meet_at_the_day_asked_for() -> None:
    start = date(2026, 12, 3)
    operator = small(start=start)
    paris = zone("Europe/Paris")
    worked = {shift.start.astimezone(paris).date() for shift in operator.shifts}
    called = {row.start.astimezone(paris).date() for row in operator.history}
    assert min(worked) == start
    assert max(worked) <= start + timedelta(days=6)
    assert min(called) >= start - timedelta(days=14)
    assert max(called) == start - timedelta(days=1)


def test_a_change_of_the_clocks_keeps_local_hours() -> None:
    """Paris leaves summer time on 25 October 2026: 09:00 there is an hour later in UTC."""
    operator = small(start=date(2026, 10, 22))
    paris = zone("Europe/Paris")
    by_agent: dict[str, set[str]] = {}
    for shift in operator.shifts:
        by_agent.setdefault(shift.agent, set()).add(f"{shift.start.astimezone(paris):%H:%M}")
    assert all(len(hours) == 1 for hours in by_agent.values())
    assert len({shift.start.hour for shift in operator.shifts}) > 1


def test_nobody_is_rostered_on_a_holiday_of_the_programme() -> None:
    operator = sample_operator(300, 2, 1, start=date(2026, 12, 21), weeks_of_history=1)
    closed = {p.id for p in operator.programmes if p.holidays == "FR"}
    main = {agent.id: agent.skills[0] for agent in operator.agents}
    christmas = {main[s.agent] for s in operator.shifts if s.start.date() == date(2026, 12, 25)}
    assert closed
    assert not christmas & closed
