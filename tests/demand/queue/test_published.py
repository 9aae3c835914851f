"""The results ContactCenters publishes with its examples (Buist & L'Ecuyer), joint intervals."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from releve.demand.queue import Centre, CentreSpec, QueueOutcome, simulate

pytestmark = pytest.mark.realdata

DAYS = 2000
WIDE = 3.3 / 1.96
"""From their 95 % to what a family of comparisons may differ by."""

Read = dict[str, tuple[float, float, float]]


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[str, Read]:
    """Mean, low and high by title, by example."""
    folder = shared_data / "contactcenters_msk"
    names = ("MMC", "MMCAb", "MMCBlocked", "SimpleMSK")
    return {name: read((folder / f"examples__{name}.res").read_text()) for name in names}


def read(text: str) -> Read:
    found: Read = {}
    title, mean = "", 0.0
    for line in text.splitlines():
        if match := re.search(r"==> (.+)", line):
            title = match[1].strip()
        numbers = [float(x) for x in re.findall(r"-?\d+\.?\d*(?:E-?\d+)?", line)]
        if line.startswith("Type"):
            cell = re.match(r"Type (\d), period (\d)", line)
            assert cell is not None
            found[cell[0]] = (numbers[5], numbers[-2], numbers[-1])
        elif "confidence interval" in line:
            found[title] = (mean, numbers[-2], numbers[-1])
        elif numbers and "num. obs" not in line and "CPU" not in line:
            mean = numbers[0] if numbers[-1] == 1000 else numbers[3]
    return found


def twelve(**more: object) -> QueueOutcome:
    """Eight hours from empty: 4.2 calls a minute, two minutes each, twelve agents."""
    centre = CentreSpec(["a"], [0, 28800], 4.2 * 480, 120, 12, **more).build()  # type: ignore[arg-type]
    return simulate(centre, DAYS, seed=4)


def agrees(values: NDArray[np.float64], theirs: tuple[float, float, float]) -> bool:
    """Return whether the mean of the days is theirs, within both errors."""
    ours = 3.3 * values.std(ddof=1) / math.sqrt(values.size)
    half = (theirs[2] - theirs[1]) / 2 * WIDE + 0.0006
    return bool(abs(values.mean() - theirs[0]) < math.hypot(ours, half))


def agrees_ratio(above: NDArray[np.float64], below: NDArray[np.float64], theirs: tuple[float, float, float]) -> bool:
    """Return whether a ratio of sums is theirs, within both errors."""
    value = above.sum() / below.sum()
    return agrees(value + (above - value * below) / below.mean(), theirs)


def test_patient_callers_are_served_as_published(published: dict[str, Read]) -> None:
    found, theirs = twelve(), published["MMC"]
    within, offered = found.within.sum((1, 2)), found.offered.sum((1, 2))
    assert agrees(within, theirs["Number of contacts in target"])
    assert agrees_ratio(within, offered, theirs["Service level"])
    waited = found.wait_answered_s.sum((1, 2)) / 60
    assert agrees_ratio(waited, offered, theirs["Speed of answer"])
    busy, staffed = found.busy_s.sum((1, 2)), found.staffed_s.sum((1, 2))
    assert agrees_ratio(busy, staffed, theirs["Occupancy ratio"])


def test_impatient_callers_are_served_as_published(published: dict[str, Read]) -> None:
    found, theirs = twelve(patience_s=60), published["MMCAb"]
    within, answered = found.within.sum((1, 2)), found.answered.sum((1, 2))
    assert agrees(found.abandoned.sum((1, 2)), theirs["Number of contacts having abandoned"])
    assert agrees(within, theirs["Number of contacts in target"])
    assert agrees_ratio(within, answered, theirs["Service level"])
    late = found.abandoned.sum((1, 2)) - found.abandoned_within.sum((1, 2))
    assert agrees_ratio(within, answered + late, theirs["Service level with abandonment"])
    busy, staffed = found.busy_s.sum((1, 2)), found.staffed_s.sum((1, 2))
    assert agrees_ratio(busy, staffed, theirs["Occupancy ratio"])


def test_calls_are_blocked_as_published(published: dict[str, Read]) -> None:
    found, theirs = twelve(waiting_places=5), published["MMCBlocked"]
    within, offered = found.within.sum((1, 2)), found.offered.sum((1, 2))
    assert agrees(found.blocked.sum((1, 2)), theirs["Number of blocked contacts"])
    assert agrees_ratio(within, offered, theirs["Service level with blocked contacts"])


def simple_msk() -> Centre:
    """Three types, two groups, three periods of two hours, laws by period, a gamma day."""
    per_minute = np.array([[4.2, 5.3, 3.2], [5.1, 4.3, 4.8], [6.3, 5.2, 4.8]]).T
    return CentreSpec(
        ["0", "1", "2"],
        np.arange(4) * 7200.0,
        per_minute * 120,
        60 / np.array([[0.5], [0.6], [0.4]]),
        [[12, 15], [18, 20], [9, 11]],
        groups=["first", "second"],
        patience_s=60 / np.array([[0.3], [0.4], [0.2]]),
        call_rank=[[0, -1], [0, 1], [-1, 0]],
        day_factor_cv=28.7**-0.5,
        one_day_factor=True,
    ).build()


@pytest.mark.slow
def test_the_multi_skill_day_is_served_as_published(published: dict[str, Read]) -> None:
    found, theirs = simulate(simple_msk(), DAYS, seed=5), published["SimpleMSK"]
    answered, within = found.answered.sum((1, 2)), found.within.sum((1, 2))
    assert agrees(answered, theirs["Number of served contacts"])
    assert agrees(found.abandoned.sum((1, 2)), theirs["Number of contacts having abandoned"])
    late = found.abandoned.sum((1, 2)) - found.abandoned_within.sum((1, 2))
    assert agrees_ratio(within, answered + late, theirs["Service level"])
    busy, staffed = found.busy_s[:, :, 0].sum(1), found.staffed_s[:, :, 0].sum(1)
    assert agrees_ratio(busy, staffed, theirs["Occupancy ratio"])
    for cell in range(3):
        for p in range(3):
            mine = found.within[:, cell, p].astype(np.float64)
            assert agrees(mine, theirs[f"Type {p}, period {cell}"]), (p, cell)
