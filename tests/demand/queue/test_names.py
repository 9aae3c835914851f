"""No name is an advantage: ties between groups and between calls are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from releve.demand.queue import AgentChange, Centre, CentreSpec, QueueOutcome, simulate
from tests.demand.queue.cases import FAMILY

NAMINGS = [
    (("orders", "claims"), ("north", "both", "south")),
    (("claims", "orders"), ("both", "north", "south")),
    (("orders", "claims"), ("south", "north", "both")),
    (("claims", "orders"), ("north", "south", "both")),
    (("a", "b"), ("c", "d", "e")),
    (("b", "a"), ("e", "c", "d")),
    (("x", "y"), ("u", "v", "w")),
    (("y", "x"), ("w", "u", "v")),
]
REPLICATIONS = 1000
HOUR = [0.0, 1800.0, 3600.0]
OPENING = [0.0, 900.0]
Names = Sequence[str]


def mirrored(programmes: Names, groups: Names, *, rank: int = 0, agents: object = (20, 30, 20)) -> Centre:
    """Two identical programmes: a group for each, and a group for both, all free since opening."""
    return CentreSpec(
        programmes,
        OPENING,
        50.0,
        1200.0,
        agents,
        groups=groups,
        patience_s=120.0,
        call_rank=[[0, rank, -1], [-1, rank, 0]],
    ).build()


def common_start(programmes: Names, groups: Names) -> Centre:
    """Calls that wait when all shifts begin: few callers hang up before."""
    return CentreSpec(
        programmes,
        HOUR,
        [[14, 14], [60, 60]],
        600.0,
        [[0, 0, 0], [9, 9, 9]],
        groups=groups,
        patience_s=1500.0,
        call_rank=[[0, 0, -1], [-1, 0, 0]],
    ).build()


def sent_home(programmes: Names, groups: Names) -> Centre:
    """The calls of two groups go back into their lines at one instant; a third takes them."""
    return CentreSpec(
        programmes,
        HOUR,
        [[40, 40], [0, 0]],
        600.0,
        (12, 10, 12),
        groups=groups,
        patience_s=400.0,
        call_rank=[[0, 1, -1], [-1, 1, 0]],
        agent_rank=[[0, 0, -1], [-1, 0, 0]],
        changes=[AgentChange(1800.0, name, 0, "moved") for name in (groups[0], groups[2])],
    ).build()


def overflow(programmes: Names, groups: Names) -> Centre:
    """Groups that help only from the second call in line on, of equal rank."""
    return CentreSpec(
        programmes,
        OPENING,
        45.0,
        1200.0,
        (12, 18, 12, 9, 9),
        groups=[*groups, "own", "the other's own"],
        patience_s=120.0,
        call_rank=[[1, 1, -1, 0, -1], [-1, 1, 1, -1, 0]],
        least_waiting=[[2, 2, 1, 1, 1], [1, 2, 2, 1, 1]],
    ).build()


STRUCTURES = {"mirrored groups": mirrored, "a common start": common_start, "sent home": sent_home, "overflow": overflow}


def loss(found: QueueOutcome) -> NDArray[np.float64]:
    """Return the calls lost, those cut off included, by ``[replication, programme]``."""
    return np.asarray((found.offered - found.answered + found.cut).sum(axis=1), dtype=np.float64)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_renaming_changes_nothing_in_distribution(structure: str) -> None:
    """The loss of the first programme, and by how much the second loses more."""
    days = []
    for programmes, groups in NAMINGS:
        lost = loss(simulate(STRUCTURES[structure](programmes, groups), REPLICATIONS, 1))
        days.append(np.stack([lost[:, 0], lost[:, 1] - lost[:, 0]], axis=1))
    means = np.array([day.mean(axis=0) for day in days])
    errors = np.array([day.var(axis=0, ddof=1) / REPLICATIONS for day in days])
    assert means[:, 0].min() > 1
    squares = ((means - means.mean(axis=0)) ** 2 / errors).sum(axis=0)
    most = chi2.isf(2 * norm.sf(FAMILY), len(NAMINGS) - 1)
    assert (squares <= most).all(), f"{squares} beyond {most}: {means}"


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("naming", range(len(NAMINGS)))
def test_identical_programmes_with_mirrored_groups_lose_alike(structure: str, naming: int) -> None:
    lost = loss(simulate(STRUCTURES[structure](*NAMINGS[naming]), REPLICATIONS, 2))
    difference = lost[:, 0] - lost[:, 1]
    z = difference.mean() / (difference.std(ddof=1) / np.sqrt(difference.size))
    assert abs(z) < FAMILY + 0.4, lost.mean(axis=0)  # a family of 32


def test_a_group_that_is_preferred_is_not_drawn() -> None:
    """The middle group comes second: it is busy less than those that come first."""
    found = simulate(mirrored(*NAMINGS[0], rank=1), 50, 3)
    busy = found.occupancy().value[0]
    assert busy[1] < min(busy[0], busy[2])


def test_agents_of_one_instant_are_free_in_an_order_of_their_own_each_day() -> None:
    """A first call is answered by each of the groups in proportion to its agents."""
    centre = CentreSpec(["p"], [0.0, 600.0], 1.0, 60.0, (1, 2, 5), groups=["a", "b", "c"], call_rank=0).build()
    days = 4000
    found = simulate(centre, days, 4)
    single = found.answered.sum(axis=(1, 2)) == 1
    first = np.argmax(found.busy_s.sum(axis=1)[single], axis=1)
    share = np.bincount(first, minlength=3) / single.sum()
    expected = np.array([1, 2, 5]) / 8
    error = np.sqrt(expected * (1 - expected) / single.sum())
    assert (np.abs(share - expected) / error < FAMILY).all(), share


def test_one_more_agent_leaves_the_others_their_rank() -> None:
    """The first agents of a start are the same in two plans: common random numbers stay."""
    plan, more = (simulate(mirrored(*NAMINGS[0], agents=agents), 200, 5) for agents in ((30, 30, 30), (30, 31, 30)))
    own = plan.busy_s[:, 0] - more.busy_s[:, 0]
    other = simulate(mirrored(*NAMINGS[0], agents=(30, 30, 30)), 200, 6)
    assert own[:, 0].std() < 0.7 * (plan.busy_s[:, 0, 0] - other.busy_s[:, 0, 0]).std()
