"""Several processes at once, and processes that are killed."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.ledger.ledger_processes import create_installation, run_ledger_command, run_process, start_process

pytestmark = [pytest.mark.database, pytest.mark.slow, pytest.mark.postgresql]


def verified(environment: dict[str, str], count: int) -> None:
    """Assert that the ledger holds one gapless chain of a number of entries, and their tally."""
    count += 1
    sealed = run_ledger_command(environment, "seal")
    assert sealed.returncode == 0, sealed.stderr
    assert f"over {count} entries" in sealed.stdout
    checked = run_ledger_command(environment, "verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"VERIFIED {count} entries in one unbroken chain" in checked.stdout


def test_processes_that_append_at_once_make_one_chain(tmp_path: Path) -> None:
    with create_installation(tmp_path) as environment:
        run_process(environment, "append", "1")
        processes = [start_process(environment, "append", "60") for _ in range(4)]
        lines = [line for process in processes for line in process.communicate(timeout=120)[0].splitlines()]
        assert [process.returncode for process in processes] == [0] * 4
        assert sorted(int(line.split()[0]) for line in lines) == list(range(2, 242))
        verified(environment, 241)


def test_a_process_killed_at_any_instant_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    dice = random.Random(3)
    with create_installation(tmp_path) as environment:
        run_process(environment, "append", "1")
        acknowledged: dict[int, str] = {}
        read = 0
        unacknowledged = 0
        for _ in range(6):
            process = start_process(environment, "append", "100000")
            assert process.stdout is not None
            # after a number of entries, so that a slow machine has as many, and at any instant of the next one
            lines = [process.stdout.readline() for _ in range(dice.randrange(1, 40))]
            read += len(lines)
            time.sleep(dice.uniform(0, 0.02))
            process.kill()
            lines += process.communicate()[0].splitlines()
            for line in lines:
                words = line.split()
                if len(words) == 2 and len(words[1]) == 64:
                    acknowledged[int(words[0])] = words[1]
            unacknowledged += 1
        assert len(acknowledged) >= read, "each line that was read is a hash"
        out = tmp_path / "export.jsonl"
        assert run_ledger_command(environment, "export", str(out)).returncode == 0
        text = out.read_text(encoding="utf-8")
        count = text.count('{"entry":')
        assert all(f'"hash":"{digest}"' in text for digest in acknowledged.values())
        assert 1 + len(acknowledged) <= count <= 1 + len(acknowledged) + unacknowledged
        verified(environment, count)
