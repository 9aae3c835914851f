"""After an erasure nothing of the person is left, and every proof stands."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from releve.ledger.chain import append, append_all, iter_entries, read_head
from releve.ledger.erasure import ERASED, erase_due, erase_subject, set_erase_on
from releve.ledger.export import export_lines, write_export
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import sign_root
from releve.ledger.verify import Export, Keys, check_proof
from tests.ledger.ledger_processes import create_installation, run_ledger_command, run_process, start_process
from tests.ledger.sample_entries import ERASE_ON, at, draft_case, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def verified(*, values: bool) -> list[str]:
    export = Export(Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines(values=values))
    return export.faults


def everything() -> str:
    """Return every row of every table of the ledger, as text."""
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("ledger_"):
                cursor.execute(f"SELECT * FROM {table}")
                rows += cursor.fetchall()
    return repr(rows)


def test_values_are_erased_on_their_day_and_not_before() -> None:
    append_all([draft_case(1), draft_case(2), draft_closure(3)])
    assert erase_due(ERASE_ON - timedelta(days=1), now=at(9)) == 0
    assert read_head().seq == 3
    assert erase_due(ERASE_ON, now=at(10)) == 2
    read = list(iter_entries(None))
    assert [entry.erased for entry in read] == [("agent",), ("agent",), (), ()]
    assert read[0].body == {"site": "casa-1", "agent": None}
    assert read[3].kind == ERASED
    assert read[3].body == {"cause": "due", "on": ERASE_ON.isoformat(), "values": 2}


def test_a_list_that_names_the_person_goes_and_a_longer_name_stays() -> None:
    with transaction.atomic():
        for people in (["a1", "a2"], ["a10", "A1"]):
            append("agents.present", {"agents": []}, personal={"agents": people}, recorded_at=at(1))
    assert erase_subject("a1", now=at(2)) == 1
    assert [entry.body.get("agents") for entry in iter_entries()] == [None, ["a10", "A1"], None]
    sign_root(at(3))
    assert verified(values=True) == []


def test_a_person_is_erased_and_the_others_stay() -> None:
    append_all([draft_case(n % 3) for n in range(9)])
    root = sign_root(at(20))
    before = list(LedgerEntry.objects.values_list("hash", flat=True))
    proof = prove_entry(2, root)
    assert erase_subject("agent-1", now=at(30)) == 3
    assert "agent-1" not in everything()
    assert "agent-2" in everything()
    for values in (True, False):
        assert "agent-1" not in "\n".join(export_lines(values=values))
        assert verified(values=values) == []
    assert list(LedgerEntry.objects.values_list("hash", flat=True))[:9] == before
    assert prove_entry(2, root) == proof
    check_proof(proof, Keys([public_key()]), [])
    sign_root(at(40))
    assert verified(values=True) == []
    assert erase_subject("agent-1", now=at(50)) == 0
    assert read_head().seq == 10


def test_erasing_no_person_is_refused() -> None:
    with pytest.raises(ValueError, match="no subject is given"):
        erase_subject("", now=at(1))


def test_the_day_of_a_person_can_be_moved() -> None:
    append_all([draft_case(1), draft_case(1), draft_case(2)])
    later = ERASE_ON + timedelta(days=30)
    assert set_erase_on("agent-1", later) == 2
    assert erase_due(ERASE_ON, now=at(9)) == 1
    assert set_erase_on("agent-1", None, entries=[1]) == 1
    assert erase_due(date(2099, 1, 1), now=at(9)) == 1
    assert list(PersonalValue.objects.values_list("entry", "erase_on")) == [(1, None)]


def test_an_export_shows_values_only_when_asked(tmp_path: Path) -> None:
    append_all([draft_case(1)])
    write_export(tmp_path / "plain.jsonl")
    write_export(tmp_path / "open.jsonl", values=True)
    assert "agent-1" not in (tmp_path / "plain.jsonl").read_text(encoding="utf-8")
    shown = json.loads((tmp_path / "open.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert shown["values"][0]["value"] == "agent-1"
    assert (tmp_path / "open.jsonl").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("*jsonl*")) == ["open.jsonl", "plain.jsonl"]


@pytest.mark.slow
@pytest.mark.postgresql
def test_no_file_of_the_database_holds_an_erased_value(tmp_path: Path) -> None:
    """Read as bytes: pages in use, free pages, indexes, the write-ahead log of SQLite."""
    with create_installation(tmp_path) as environment:
        run_process(environment, "fill", "40", "30")
        assert run_ledger_command(environment, "seal").returncode == 0
        assert run_process(environment, "search", "MARKED-017-PERSON").strip()
        erased = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert (erased.returncode, erased.stdout) == (0, "60 rows, values and files erased\n"), erased.stderr
        assert run_process(environment, "search", "MARKED-017-PERSON").strip() == ""
        assert run_process(environment, "search", "MARKED-018-PERSON").strip()
        checked = run_ledger_command(environment, "verify")
        assert checked.returncode == 0, checked.stdout
        shown = re.search(r"personal values: (\d+) shown, 60 not", checked.stdout)
        assert shown is not None, checked.stdout
        assert int(shown[1]) > 2340, "those of the tally of the seal too"


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_reader_who_stays_is_reported_and_the_next_call_cleans_the_files(tmp_path: Path) -> None:
    """A snapshot from before the erasure, such as the server's own analysis of a table takes."""
    with create_installation(tmp_path) as environment:
        run_process(environment, "fill", "40", "30")
        environment["RELEVE_ERASE_WAIT_SECONDS"] = "1"
        reader = start_process(environment, "read", "60000")
        assert reader.stdout is not None
        reader.stdout.readline()
        erased = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert erased.returncode == 1
        assert "another program may still see them" in erased.stderr
        assert run_process(environment, "search", "MARKED-017-PERSON").strip()
        reader.kill()
        reader.communicate()
        environment["RELEVE_ERASE_WAIT_SECONDS"] = "60"
        again = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert (again.returncode, again.stdout) == (0, "0 rows, values and files erased\n"), again.stderr
        assert run_process(environment, "search", "MARKED-017-PERSON").strip() == ""


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_writer_in_another_database_of_the_server_is_reported(tmp_path: Path) -> None:
    """What it holds up is what every snapshot of the server may see, those of this one too."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one database")
    with create_installation(tmp_path) as environment, connection.cursor() as cursor:
        run_process(environment, "fill", "40", "30")
        environment["RELEVE_ERASE_WAIT_SECONDS"] = "1"
        cursor.execute("SELECT pg_current_xact_id()")  # this test's own database and transaction
        erased = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert erased.returncode == 1
        assert "another program may still see them" in erased.stderr
