"""The program that publishes is killed at any instant: the proxy holds a whole generation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from releve.routing import Stale
from tests.processes import ROOT
from tests.routing.killed_publisher import OPERATOR, numbered
from tests.routing.sip_bench import ProxyProcess, needs_sip

pytestmark = [pytest.mark.slow, needs_sip]

KILLS = 50


def test_fifty_kills_leave_a_whole_generation_and_the_next_one_converges(tmp_path: Path) -> None:
    proxy = ProxyProcess(tmp_path, OPERATOR)
    try:
        proxy.start()
        done = subprocess.run(
            [sys.executable, "-m", "tests.routing.killed_publisher", proxy.url,
             str(proxy.adapter.path), str(KILLS)],
            cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        number = int(done.stdout.split()[0])
        assert number >= 2 * KILLS
        proxy.kill()
        proxy.start()
        seen = proxy.adapter.observe()
        assert seen is not None
        assert (seen.number, seen.whole) == (number, True), "its list survives its own death"
        with pytest.raises(Stale, match=f"holds generation {number} already"):
            proxy.adapter.apply(proxy.adapter.plan(numbered(number - 1), None), key="old")
    finally:
        proxy.kill()
