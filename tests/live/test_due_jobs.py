"""Jobs of other rooms: how long each waits after a failure, and that the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from releve.errors import ReleveError
from releve.live import due_jobs
from releve.live.due_jobs import LONGEST_WAIT, SHORTEST_WAIT, register_due_job, run_due_jobs

NOON = datetime(2031, 3, 3, 12, tzinfo=UTC)
ran: list[tuple[str, datetime]] = []
failing: set[str] = set()


def run_first(now: datetime) -> None:
    run("first", now)


def run_second(now: datetime) -> None:
    run("second", now)


def run(name: str, now: datetime) -> None:
    ran.append((name, now))
    if name in failing:
        raise ReleveError("away")


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(due_jobs, "_jobs", {})
    for name in ("first", "second"):
        register_due_job(name, f"{__name__}.run_{name}")
    yield
    ran.clear()
    failing.clear()


def run_seconds(begun: datetime, seconds: int) -> list[int]:
    """Run every second; return at which the first job ran."""
    for second in range(seconds):
        run_due_jobs(begun + timedelta(seconds=second))
    return [round((at - begun).total_seconds()) for name, at in ran if name == "first"]


def test_a_failing_job_waits_twice_as_long_each_time_and_holds_up_no_other() -> None:
    failing.add("first")
    seconds = run_seconds(NOON, 5_000)
    waits = [timedelta(seconds=b - a) for a, b in pairwise(seconds)]
    assert waits[0] == SHORTEST_WAIT
    assert waits[-2:] == [LONGEST_WAIT] * 2
    assert all(b == min(2 * a, LONGEST_WAIT) for a, b in pairwise(waits))
    assert sum(name == "second" for name, _ in ran) == 5_000


def test_a_job_that_ran_well_waits_the_shortest_time_after_its_next_failure() -> None:
    failing.add("first")
    run_seconds(NOON, 100)
    failing.clear()
    run_due_jobs(NOON + timedelta(hours=1))
    failing.add("first")
    ran.clear()
    later = NOON + timedelta(hours=2)
    assert run_seconds(later, 11) == [0, SHORTEST_WAIT.seconds]


def test_a_clock_that_is_set_back_makes_no_job_wait() -> None:
    failing.add("first")
    run_due_jobs(NOON)
    ran.clear()
    assert run_seconds(NOON - timedelta(days=1), 1) == [0]
