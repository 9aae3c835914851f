"""200 clients that send a byte a second hold up none of the others, at the desk or at the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.slow_clients import MOST_RATIO, PATHS, SLOW, measure, started

SLACK_MS = 100.0
"""A busy machine may add so much to one p99 and not to the other; a hold-up adds seconds."""


@pytest.mark.slow
def test_slow_clients_do_not_hold_up_the_others(tmp_path: Path) -> None:
    with started(tmp_path / "home") as ports:
        found = {name: measure(ports[name], PATHS[name], SLOW, 300) for name in ports}
    for name, row in found.items():
        assert not row["failed"], (name, row)
        assert row["beside_p99_ms"] <= MOST_RATIO * row["alone_p99_ms"] + SLACK_MS, (name, row)
