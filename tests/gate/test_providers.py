"""Attempts that other providers report: each counts once, under any name of its provider."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from django.utils import timezone

from releve.cli import main
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.engine.judged_call import fill_provider, is_own_provider
from releve.plugins.outbound.gate.fact_reader import read_facts
from tests.gate.sample_campaign import CLIENT, phone, record_people

pytestmark = [pytest.mark.database, pytest.mark.django_db]
WHEN = (timezone.now() - timedelta(days=2)).replace(microsecond=0).isoformat()


def write_folder(path: Path, rows: str, head: str = "id;client;person;at") -> Path:
    path.mkdir()
    (path / "attempts.csv").write_text(f"{head}\n{rows}", encoding="utf-8")
    return path


def imported(folder: Path, *more: str) -> Result:
    command = ["outbound", "facts", "import", str(folder), "--by", "ines", *more]
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    return found


def counted() -> int:
    """Return how many attempts on the first person are known now."""
    known = read_facts(CLIENT, phone(0), read_clock()).facts()
    (holder,) = known.find_persons(phone(0), read_clock())
    return len(known.select_known(CLIENT, holder.person, phone(0), "", read_clock()).attempts)


def test_two_providers_with_one_id_in_one_second_count_both_and_a_table_twice_counts_once(tmp_path: Path) -> None:
    record_people(range(1))
    row = f"1;{CLIENT};P0;{WHEN}\n"
    first = write_folder(tmp_path / "a", row + f"2;{CLIENT};P0;{WHEN}\n")
    second = write_folder(tmp_path / "b", row)
    assert "attempts: 2 written" in imported(first).output
    assert "attempts: 1 written" in imported(second).output
    assert counted() == 3
    assert "attempts: 0 written, 2 there already" in imported(first).output
    turned = write_folder(tmp_path / "c", f"2;{CLIENT};P0;{WHEN}\n" + row)
    assert "attempts: 0 written, 2 there already" in imported(turned).output
    assert counted() == 3


def test_a_table_that_stands_for_its_provider_is_told_from_a_provider_by_name() -> None:
    rows = f"id;client;person;at;provider\n1;{CLIENT};P0;{WHEN};\n2;{CLIENT};P0;{WHEN};Voix Sud\n"
    frame = fill_provider(read_tables({"attempts.csv": rows.encode()})["attempts"])
    assert list(map(is_own_provider, frame["provider"])) == [True, False]


def test_a_provider_that_is_named_may_send_its_table_longer(tmp_path: Path) -> None:
    record_people(range(1))
    row = f"1;{CLIENT};P0;{WHEN}\n"
    imported(write_folder(tmp_path / "a", row), "--provider", "OTHER")
    longer = write_folder(tmp_path / "b", row + f"2;{CLIENT};P0;{WHEN}\n")
    assert "attempts: 1 written, 1 there already" in imported(longer, "--provider", "OTHER").output
    assert counted() == 2


def test_what_the_table_says_of_the_provider_goes_first() -> None:
    text = f"id;client;person;at;provider\n1;{CLIENT};P0;{WHEN};OWN\n2;{CLIENT};P0;{WHEN};\n"
    attempts = read_tables({"attempts.csv": text.encode()})["attempts"]
    assert fill_provider(attempts, "OTHER")["provider"].to_list() == ["OWN", "OTHER"]
    own, table = fill_provider(attempts)["provider"].to_list()
    assert (own, table.startswith("table:")) == ("OWN", True)
    assert isinstance(fill_provider(attempts.clear()), pl.DataFrame)
