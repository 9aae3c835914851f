"""The dialler's pacing: the abandoned share, and people taken for machines."""

from __future__ import annotations

import pytest

from releve.plugins.outbound.engine import compute_abandoned_share, estimate_abandoned


def test_the_share_is_of_the_live_calls() -> None:
    assert compute_abandoned_share(3, 97) == pytest.approx(0.03)
    assert compute_abandoned_share(0, 0) == 0
    assert compute_abandoned_share(2, 0) == 1


def test_people_taken_for_machines_were_abandoned() -> None:
    assert estimate_abandoned(3, 50, 0.02) == pytest.approx(4)
    assert estimate_abandoned(3, 50, 0) == 3
    assert estimate_abandoned(3, 50, 1) == 53


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        estimate_abandoned(3, 50, share)


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1)])
def test_counts_below_nothing_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        compute_abandoned_share(*counts)
